# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksum that simulated chips of Sensirion and Aosong send: CRC-8 as the remainder of a long division."""

_POLYNOMIAL = 0b1_0011_0001  # x^8 + x^5 + x^4 + 1


def crc8(data: bytes) -> int:
    """The remainder of the data, its first eight bits inverted, and eight zeros, divided by the polynomial."""
    rest = int.from_bytes(data, "big") << 8 ^ 0xFF << 8 * len(data)
    while rest.bit_length() > 8:
        rest ^= _POLYNOMIAL << rest.bit_length() - 9
    return rest


def with_crc(data: bytes) -> bytes:
    return data + bytes([crc8(data)])

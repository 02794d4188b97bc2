# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels' bits as bits of an SPI bus: at 2.4 MHz, three for each, of which one or two are high."""

#: Bits per second; each pixel bit takes 1.25 microseconds.
RATE = 2_400_000
_ZERO, _ONE = 0b100, 0b110
#: Bytes of silence after which pixels show what they were sent: 300 microseconds.
_LATCH = bytes(90)

_TABLE = [
    sum((_ONE if byte >> bit & 1 else _ZERO) << 3 * bit for bit in range(8)).to_bytes(3, "big") for byte in range(256)
]


def encoded(data: bytes) -> bytes:
    """What to send on MOSI, silence at the end included."""
    return b"".join(_TABLE[byte] for byte in data) + _LATCH

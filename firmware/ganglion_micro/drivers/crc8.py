# SPDX-License-Identifier: GPL-3.0-or-later
"""The CRC-8 of Sensirion's and Aosong's chips: x^8+x^5+x^4+1, begun with 0xFF, upper bits first."""

import errno


def crc8(data: bytes) -> int:
    """Of these bytes: 0x92 for 0xBE 0xEF, Sensirion's example."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 & 0xFF ^ (0x31 if crc & 0x80 else 0)
    return crc


def checked(data: bytes, count: int) -> bytes:
    """The `count` bytes before their CRC.

    Raises:
        OSError: EIO, they are fewer, or the CRC is another one.
    """
    if len(data) != count + 1:
        raise OSError(errno.EIO, "{} bytes of {}".format(len(data), count + 1))
    if crc8(data[:count]) != data[count]:
        raise OSError(errno.EIO, "the bus is disturbed: the CRC of {} bytes is wrong".format(count))
    return data[:count]

# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux SPI device as a bus, by spidev. Its chip select is the kernel's; a script's own pin may be another."""

import re
from typing import Any

#: Bytes that the kernel takes in one transfer unless it was told otherwise.
_MOST = 4096


class Spidev:
    """`/dev/spidevBUS.SELECT`.

    Raises:
        ImportError: spidev is not installed.
        ValueError: that is no such path.
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        import spidev

        found = re.fullmatch(r"/dev/spidev(\d+)\.(\d+)", path)
        if found is None:
            raise ValueError(f"an SPI bus is /dev/spidevBUS.SELECT, not {path}")
        self._device: Any = spidev.SpiDev()
        self._device.open(int(found[1]), int(found[2]))

    def configure(self, *, baudrate: int, polarity: int, phase: int, lsb_first: bool) -> None:
        self._device.max_speed_hz = baudrate
        self._device.mode = polarity << 1 | phase
        if lsb_first:  # many controllers cannot, and refuse even to be told no
            self._device.lsbfirst = True

    def transfer(self, out: bytes) -> bytes:
        return b"".join(bytes(self._device.xfer2(list(out[i : i + _MOST]))) for i in range(0, len(out), _MOST))

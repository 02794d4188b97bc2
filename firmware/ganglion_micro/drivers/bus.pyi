# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver may ask of a bus: the part of MicroPython's classes that all ports have. For type checkers.

A device that does not answer is an OSError: ENODEV or EIO on MicroPython, ENXIO or EREMOTEIO on Linux.
"""

from collections.abc import Sequence
from typing import Protocol

class I2C(Protocol):
    """Addresses are 7 bits; registers are 8 bits and count up by themselves while one transfer reads on."""

    def scan(self) -> list[int]:
        """Addresses from 0x08 to 0x77 that answer."""
        ...

    def readfrom(self, addr: int, nbytes: int, stop: bool = True) -> bytes: ...
    def writeto(self, addr: int, buf: bytes, stop: bool = True) -> int:
        """How many bytes were acknowledged. Without `stop` the next transfer begins with a repeated start."""
        ...

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes: ...
    def writeto_mem(self, addr: int, memaddr: int, buf: bytes) -> None: ...

class OneWire(Protocol):
    """A 1-Wire bus: the part of MicroPython's `onewire.OneWire` that drivers ask for. Bytes go low bit first."""

    def reset(self) -> bool:
        """Whether a device answered with a presence pulse."""
        ...

    def scan(self) -> Sequence[bytes | bytearray]:
        """The ROMs of all devices, eight bytes each, found by search."""
        ...

    def readinto(self, buf: bytearray) -> None: ...
    def writebyte(self, value: int) -> None: ...
    def write(self, buf: bytes) -> None: ...
    def crc8(self, data: bytes | bytearray) -> int:
        """CRC-8 as Maxim has it; 0 over data that ends with its own."""
        ...

# SPDX-License-Identifier: GPL-3.0-or-later
"""A 1-Wire bus in memory, byte by byte, with the methods of MicroPython's `onewire.OneWire`; models answer on it."""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Protocol


class Device(Protocol):
    """What hangs on the line (Maxim's application note 187 for the ROM layer)."""

    rom: bytes

    def reset(self) -> bool:
        """The line was reset; whether the device answers with a presence pulse."""
        ...

    def write(self, value: int) -> None: ...
    def read(self) -> int:
        """The next byte; 0xFF from a device that leaves the line alone."""
        ...


class SimulatedOneWire:
    """The line is open-drain: it is low where any device pulls it low."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices

    def reset(self, required: bool = False) -> bool:
        present = [device.reset() for device in self._devices]
        if required and not any(present):
            raise OSError("nothing answers on the 1-Wire bus")
        return any(present)

    def scan(self) -> list[bytes]:
        return [device.rom for device in self._devices if device.reset()]

    def readbyte(self) -> int:
        return reduce(and_, (device.read() for device in self._devices), 0xFF)

    def readinto(self, buf: bytearray) -> None:
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def writebyte(self, value: int) -> None:
        for device in self._devices:
            device.write(value)

    def write(self, buf: bytes) -> None:
        for value in buf:
            self.writebyte(value)

    def crc8(self, data: bytes | bytearray) -> int:
        return crc8(data)


def crc8(data: bytes | bytearray) -> int:
    """X^8 + X^5 + X^4 + 1, low bit first, from 0 (Maxim's application note 27)."""
    crc = 0
    for byte in data:
        for bit in range(8):
            mixed = (crc ^ byte >> bit) & 1
            crc = crc >> 1 ^ (0x8C if mixed else 0)
    return crc

# SPDX-License-Identifier: GPL-3.0-or-later
"""`ds18x20`: DS18S20, DS1822 and DS18B20 thermometers on a 1-wire bus."""

from typing import Any

from ganglion.shims.board.sysfs import KernelOneWire as _KernelOneWire
from ganglion.shims.modules.onewire import OneWire as _OneWire

_CONVERT, _READ, _WRITE = 0x44, 0xBE, 0x4E
_DS18S20 = 0x10
_FAMILIES = (_DS18S20, 0x22, 0x28)


class DS18X20:
    """The thermometers of a bus."""

    def __init__(self, onewire: _OneWire) -> None:
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self) -> list[bytearray]:
        """Codes of what is a thermometer."""
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self) -> None:
        """Has all of them measure, which takes up to 750 ms."""
        if isinstance(self.ow.bus, _KernelOneWire):
            return  # it measures when it is read
        self.ow.reset(True)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(_CONVERT)

    def read_scratch(self, rom: Any) -> bytearray:
        """The nine bytes of one.

        Raises:
            Exception: their checksum is wrong.
        """
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_READ)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def write_scratch(self, rom: Any, buf: Any) -> None:
        """Sets alarms and resolution."""
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_WRITE)
        self.ow.write(buf)

    def read_temp(self, rom: Any) -> float:
        """Degrees Celsius of one."""
        if isinstance(self.ow.bus, _KernelOneWire):
            return self.ow.bus.temperature(bytes(rom))
        data = self.read_scratch(rom)
        raw = int.from_bytes(data[:2], "little", signed=True)
        if rom[0] == _DS18S20:
            # Half degrees, and sixteenths from the counter that was left over
            return (raw >> 1) - 0.25 + (data[7] - data[6]) / data[7]
        return raw / 16

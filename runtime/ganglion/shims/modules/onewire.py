# SPDX-License-Identifier: GPL-3.0-or-later
"""`onewire`: the 1-wire bus, slot by slot, with its search."""

from typing import Any

from ganglion.shims import board as _board
from ganglion.shims.board.sysfs import KernelOneWire as _KernelOneWire
from ganglion.shims.buffers import readable as _readable
from ganglion.shims.buffers import writable as _writable
from ganglion.shims.modules.machine.pin import name as _name
from ganglion.sim.one_wire import crc8 as _crc8


class OneWireError(Exception):
    """Nothing is there."""


class OneWire:
    """A bus on a pin."""

    SEARCH_ROM, MATCH_ROM, SKIP_ROM = 0xF0, 0x55, 0xCC

    def __init__(self, pin: Any) -> None:
        self.pin = pin
        self.bus = _board.current().onewire(_name(pin))

    def reset(self, required: bool = False) -> bool:
        """Whether a device answered.

        Raises:
            OneWireError: one is required, and none did.
        """
        there = self.bus.reset()
        if required and not there:
            raise OneWireError
        return there

    def readbit(self) -> int:
        return self.bus.read_bit()

    def readbyte(self) -> int:
        return sum(self.bus.read_bit() << i for i in range(8))

    def readinto(self, buf: Any) -> None:
        view = _writable(buf)
        for i in range(len(view)):
            view[i] = self.readbyte()

    def writebit(self, value: int) -> None:
        self.bus.write_bit(value & 1)

    def writebyte(self, value: int) -> None:
        for i in range(8):
            self.bus.write_bit(value >> i & 1)

    def write(self, buf: Any) -> None:
        for byte in _readable(buf):
            self.writebyte(byte)

    def select_rom(self, rom: Any) -> None:
        """Speaks to one device from now on."""
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def crc8(self, data: Any) -> int:
        return _crc8(_readable(data))

    def scan(self) -> list[bytearray]:
        """The codes of all devices."""
        if isinstance(self.bus, _KernelOneWire):
            return [bytearray(rom) for rom in self.bus.roms()]
        found: list[bytearray] = []
        choices: list[int] | None = []
        while choices is not None and (path := self._walk(choices)) is not None:
            bits, open_ = path
            found.append(bytearray(sum(bits[8 * i + j] << j for j in range(8)) for i in range(8)))
            # The next code takes 1 at the last place where this one took 0 of two
            choices = [*bits[: open_[-1]], 1] if open_ else None
        return found

    def _walk(self, choices: list[int]) -> tuple[list[int], list[int]] | None:
        """The bits of one code that begins with these choices, and where 0 was taken although 1 was there too."""
        if not self.reset():
            return None
        self.writebyte(self.SEARCH_ROM)
        bits: list[int] = []
        open_: list[int] = []
        for place in range(64):
            true, inverse = self.readbit(), self.readbit()
            if true and inverse:
                return None
            bit = choices[place] if place < len(choices) else true
            if not true and not inverse and bit == 0:
                open_.append(place)
            self.writebit(bit)
            bits.append(bit)
        return bits, open_

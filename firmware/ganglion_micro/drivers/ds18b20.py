# SPDX-License-Identifier: GPL-3.0-or-later
"""Maxim DS18B20: temperature over a 1-Wire bus.

Bits in, degrees out; the caller sleeps between `start` and `sample`. Numbers are from the chip's data sheet, tables and
figures named. A chip on parasite power needs a strong pull-up while it converts: the pin, or a transistor, feeds it.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import OneWire

FAMILY = 0x28  # the first byte of its ROM
POWER_ON = 85.0  # what the scratchpad holds from power-on to the end of the first conversion (table 1)

_MATCH_ROM = 0x55
_CONVERT = 0x44
_WRITE_SCRATCHPAD = 0x4E
_READ_SCRATCHPAD = 0xBE

_TIMES = {9: 94, 10: 188, 11: 375, 12: 750}  # bits -> ms that a conversion takes at most (table 2)
_NEAR = 5.0  # degrees


class DS18B20:
    """One chip.

    A reading of exactly 85 degrees is also what a chip says that lost its power, or had too little of it, before it
    converted. It is refused, unless the last reading that was taken lies within 5 degrees of it: then the chip is that
    warm. A chip that says nothing else never gets past this.

    Args:
        onewire: `reset`, `writebyte`, `write`, `readinto` and `crc8` as MicroPython's `onewire.OneWire` has them.
        rom: The chip's eight bytes, as `scan` finds them.
        resolution: 9 to 12 bits: steps of 1/2 to 1/16 of a degree.

    Raises:
        OSError: ENODEV, nothing answers; EIO, what answers is damaged or no DS18B20.
        ValueError: the ROM is not one of this family, or the resolution not one of the four.
    """

    channels: "dict[str, str]" = {"temperature": "Cel"}  # UCUM units

    def __init__(self, onewire: "OneWire", rom: bytes, resolution: int = 12) -> None:
        if resolution not in _TIMES:
            raise ValueError("resolution must be 9, 10, 11 or 12, not {}".format(resolution))
        if len(rom) != 8 or rom[0] != FAMILY or onewire.crc8(rom):
            raise ValueError("the ROM must be 8 bytes that begin with 0x28 and end with their CRC")
        self._onewire = onewire
        self._rom = bytes(rom)
        self._wait = _TIMES[resolution]
        self._unused = (1 << 12 - resolution) - 1
        self._before: "float | None" = None
        data = self._scratchpad()
        config = resolution - 9 << 5 | 0x1F  # figure 10
        if data[4] != config:
            self._command(_WRITE_SCRATCHPAD)
            onewire.write(bytes([data[2], data[3], config]))  # the alarm's limits stay as they are

    def start(self) -> int:
        """Begins a conversion; returns the milliseconds after which `sample` has its result.

        Raises:
            OSError: ENODEV, nothing answers.
        """
        self._command(_CONVERT)
        return self._wait

    def sample(self) -> "dict[str, float]":
        """The last conversion's result.

        Raises:
            OSError: ENODEV, nothing answers; EIO, the CRC is wrong, or it is the value of power-on.
        """
        data = self._scratchpad()
        raw = data[1] << 8 | data[0] & ~self._unused  # the lowest bits are undefined below 12 (figure 2)
        celsius = (raw - 65536 if raw & 0x8000 else raw) / 16
        check(celsius, self._before)
        self._before = celsius
        return {"temperature": celsius}

    def _scratchpad(self) -> bytes:
        self._command(_READ_SCRATCHPAD)
        data = bytearray(9)
        self._onewire.readinto(data)
        # Nine zeros, from a bus that is held low, have a good CRC: five bits of the configuration are always ones
        if self._onewire.crc8(data) or data[4] & 0x9F != 0x1F:
            raise OSError(errno.EIO, "the scratchpad came damaged: look at the wiring and the pull-up")
        return bytes(data)

    def _command(self, command: int) -> None:
        if not self._onewire.reset():
            raise OSError(errno.ENODEV, "nothing answers on the 1-Wire bus")
        self._onewire.writebyte(_MATCH_ROM)
        self._onewire.write(self._rom)
        self._onewire.writebyte(command)


def check(celsius: float, before: "float | None") -> None:
    """Refuses what the chip cannot have measured.

    Args:
        celsius: What it said.
        before: The last reading that was taken, None before the first.

    Raises:
        OSError: EIO, it is out of range, or it is the value of power-on, with nothing near it before.
    """
    if not -55 <= celsius <= 125:
        raise OSError(errno.EIO, "{:.2f} Cel is outside the chip's range of -55 to 125".format(celsius))
    if celsius == POWER_ON and (before is None or abs(before - POWER_ON) > _NEAR):
        raise OSError(errno.EIO, "85 Cel is what the chip says after power-on: it had too little power to convert")

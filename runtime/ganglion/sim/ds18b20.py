# SPDX-License-Identifier: GPL-3.0-or-later
"""A Maxim DS18B20 down to its scratchpad, written from the data sheet, tables and figures named.

It shares no line with the driver.
"""

import math
from collections.abc import Callable
from enum import Enum

from ganglion.sim.one_wire import crc8

_POWER_UP = (0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10)  # +85 degrees (figure 9)
_NANOSECONDS = (93_750_000, 187_500_000, 375_000_000, 750_000_000)  # of a conversion at 9 to 12 bits (table 2)


class Fault(Enum):
    """What can be wrong with the chip or its line.

    ABSENT: no presence pulse. LOW: the line is shorted to ground. DAMAGED: a bit of what is read flips.
    STARVED: too little power to convert: it resets in the middle.
    """

    ABSENT = "absent"
    LOW = "low"
    DAMAGED = "damaged"
    STARVED = "starved"


class ChipModel:
    """One chip: a device for `SimulatedOneWire`.

    Args:
        now: Nanoseconds of any clock that does not go back; conversions take their time in it.
        serial: 48 bits of its ROM.
    """

    def __init__(self, *, now: Callable[[], int], serial: int = 0x0000_0516_A279) -> None:
        body = bytes([0x28]) + serial.to_bytes(6, "little")
        self.rom = body + bytes([crc8(body)])
        self.fault: Fault | None = None
        self._now = now
        self._celsius = 20.0
        self._memory = bytearray(_POWER_UP)
        self._done: int | None = None
        self._heard: list[int] = []
        self._said: list[int] = []

    def set(self, celsius: float | None) -> None:
        """What it is in from now on; None for a room at 20 degrees.

        Raises:
            ValueError: outside -55 to 125.
        """
        if celsius is not None and not -55 <= celsius <= 125:
            raise ValueError(f"celsius must be -55 to 125, not {celsius}")
        self._celsius = 20.0 if celsius is None else celsius

    def reset(self) -> bool:
        self._heard, self._said = [], []
        return self.fault is not Fault.ABSENT

    def write(self, value: int) -> None:
        if self.fault in (Fault.ABSENT, Fault.LOW):
            return
        self._heard.append(value)
        match self._heard:
            case [0x33]:  # read ROM
                self._said = list(self.rom)
            case [0x55, *rom, command] if len(rom) == 8:
                if bytes(rom) == self.rom:
                    self._do(command)
            case [0xCC, command]:  # skip ROM
                self._do(command)
            case [0x55, *rom, 0x4E, high, low, config] if len(rom) == 8 and bytes(rom) == self.rom:
                self._configure(high, low, config)
            case [0xCC, 0x4E, high, low, config]:
                self._configure(high, low, config)

    def read(self) -> int:
        if self.fault is Fault.LOW:
            return 0x00
        if not self._said:
            return 0xFF
        value = self._said.pop(0)
        return value ^ 0x08 if self.fault is Fault.DAMAGED and len(self._said) == 5 else value

    def _do(self, command: int) -> None:
        self._finish()
        if command == 0x44:  # convert T
            self._done = self._now() + _NANOSECONDS[self._memory[4] >> 5 & 3]
        elif command == 0xBE:  # read scratchpad
            self._said = [*self._memory, crc8(self._memory)]

    def _configure(self, high: int, low: int, config: int) -> None:
        self._memory[2:5] = bytes([high, low, config & 0x60 | 0x1F])  # figure 10: the other bits cannot be written

    def _finish(self) -> None:
        if self._done is None or self._now() < self._done:
            return
        self._done = None
        if self.fault is Fault.STARVED:
            self._memory[:] = bytes(_POWER_UP)
            return
        low = 1 << 3 - (self._memory[4] >> 5 & 3)
        raw = math.floor(self._celsius * 16 / low + 0.5) * low
        # Bits below the resolution are undefined (figure 2): here they are ones
        self._memory[0:2] = (raw | low - 1).to_bytes(2, "little", signed=True)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A Texas Instruments INA219 down to its registers, written from the data sheet SBOS448.

What it sees are two voltages: of the bus, and across whatever shunt there is. Current and power are its own sums.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_CONFIG, _SHUNT, _BUS, _POWER, _CURRENT, _CALIBRATION = range(6)
_RESET_CONFIG = 0x399F
_RESET_BIT = 1 << 15
_READY, _OVERFLOW = 1 << 1, 1 << 0
#: ADC setting -> ns a voltage takes; 9 to 12 bits, then averages of 2 to 128.
_TIMES = [84_000, 148_000, 276_000, 532_000] * 2
_TIMES += [532_000, 1_060_000, 2_130_000, 4_260_000, 8_510_000, 17_020_000, 34_050_000, 68_100_000]

#: Channel of the driver to the quantity that it measures.
QUANTITIES: Mapping[str, str] = {"bus_voltage": "volts", "shunt_voltage": "millivolts"}


class ChipModel(SimulatedChip):
    """One chip; see `SimulatedChip`."""

    name = "INA219"
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "volts": Quantity(12.0, 0, 26),
        "millivolts": Quantity(50.0, -320, 320),
    }

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None) -> None:
        super().__init__(now=now, trace=trace)
        self._pointer = 0
        self._reset()

    def _reset(self) -> None:
        self._registers = [_RESET_CONFIG, 0, 0, 0, 0, 0]
        self._begin()

    def _take(self, data: bytes) -> None:
        """The pointer, and with two bytes more the register."""
        if not data:
            return
        self._pointer = data[0]
        if len(data) < 3:
            return
        self._finish()
        value = int.from_bytes(data[1:3], "big")
        if self._pointer == _CALIBRATION:
            self._registers[_CALIBRATION] = value & 0xFFFE  # bit 0 is always 0
        elif self._pointer == _CONFIG and value & _RESET_BIT:
            self._reset()
        elif self._pointer == _CONFIG:
            self._registers[_CONFIG] = value
            self._begin()

    def _give(self, count: int) -> bytes:
        self._finish()
        value = self._registers[self._pointer] if self._pointer < len(self._registers) else 0
        if self._pointer == _POWER:
            self._registers[_BUS] &= ~_READY
        return (value.to_bytes(2, "big") + b"\xff" * count)[:count]

    def _begin(self) -> None:
        """Modes 1 to 3 measure once, 5 to 7 on and on: the shunt, the bus, or both."""
        config = self._registers[_CONFIG]
        self._done: int | None = None
        if config & 3:
            self._registers[_BUS] &= ~_READY
            shunt, bus = _TIMES[config >> 3 & 15], _TIMES[config >> 7 & 15]
            self._done = self._now() + (shunt if config & 1 else 0) + (bus if config & 2 else 0)

    def _finish(self) -> None:
        if self._done is None or self._busy(self._done):
            return
        self._measure(self._registers[_CONFIG])
        if self._registers[_CONFIG] & 4:
            self._begin()
        else:
            self._done = None
        self._registers[_BUS] |= _READY

    def _measure(self, config: int) -> None:
        pins = self.surroundings
        if config & 1:
            clipped = 4000 << (config >> 11 & 3)
            self._registers[_SHUNT] = max(-clipped, min(clipped, round(pins["millivolts"] * 100))) & 0xFFFF
        if config & 2:
            full = 8000 if config & 0x2000 else 4000
            self._registers[_BUS] = min(round(pins["volts"] * 250), full) << 3
        shunt, bus = self._registers[_SHUNT], self._registers[_BUS] >> 3
        shunt -= (shunt & 0x8000) << 1
        current = int(shunt * self._registers[_CALIBRATION] / 4096)
        power = abs(current) * bus // 5000
        self._registers[_BUS] &= ~_OVERFLOW
        if not -32768 <= current <= 32767 or power > 0xFFFF:
            self._registers[_BUS] |= _OVERFLOW
        self._registers[_CURRENT] = current & 0xFFFF
        self._registers[_POWER] = power & 0xFFFF

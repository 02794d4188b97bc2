# SPDX-License-Identifier: GPL-3.0-or-later
"""A ROHM BH1750FVI down to its instructions, written from its data sheet.

The data register keeps the last result, and nothing says whether that is old: so does the real one.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.device import nack
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_POWER_DOWN, _POWER_ON, _RESET = 0x00, 0x01, 0x07
#: Lower bits of a measurement instruction -> counts a lux, and the step of the result, at the usual measurement time.
_MODES = {0x0: (1.2, 1), 0x1: (2.4, 1), 0x3: (1.2, 4)}
_TYPICAL = {0x0: 120_000_000, 0x1: 120_000_000, 0x3: 16_000_000}  # ns
_CONTINUOUS, _ONE_TIME = 0x10, 0x20
_TIME_HIGH, _TIME_LOW = 0x40, 0x60
_USUAL_TIME = 69

#: Channel of the driver to the quantity of the surroundings that it measures.
QUANTITIES: Mapping[str, str] = {"illuminance": "lux"}


class ChipModel(SimulatedChip):
    """One chip; see `SimulatedChip`."""

    name = "BH1750"
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "lux": Quantity(300.0, 0, 150_000)
    }  # an office; the sun at noon is beyond the chip

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None) -> None:
        super().__init__(now=now, trace=trace)
        self._powered = False
        self._time = _USUAL_TIME
        self._data = 0
        self._instruction = 0
        self._done: int | None = None

    def _take(self, data: bytes) -> None:
        """One instruction a transfer."""
        if len(data) > 1:
            raise nack()
        for instruction in data:
            self._execute(instruction)

    def _execute(self, instruction: int) -> None:
        self._finish()
        if instruction in (_POWER_DOWN, _POWER_ON):
            self._powered = instruction == _POWER_ON
            self._done = None
        elif instruction == _RESET:
            if self._powered:
                self._data = 0
        elif instruction & 0xF8 == _TIME_HIGH:
            self._time = (instruction & 0x07) << 5 | self._time & 0x1F
        elif instruction & 0xE0 == _TIME_LOW:
            self._time = self._time & 0xE0 | instruction & 0x1F
        elif instruction & 0xF0 in (_CONTINUOUS, _ONE_TIME) and instruction & 0x0F in _MODES:
            self._powered = True
            self._instruction = instruction
            self._done = self._now() + self._duration()
        else:
            raise nack()

    def _give(self, count: int) -> bytes:
        self._finish()
        return (self._data.to_bytes(2, "big") + b"\xff" * count)[:count]

    def _duration(self) -> int:
        return _TYPICAL[self._instruction & 0x0F] * self._time // _USUAL_TIME

    def _finish(self) -> None:
        if self._done is None or self._busy(self._done):
            return
        counts, step = _MODES[self._instruction & 0x0F]
        exact = self.surroundings["lux"] * counts * self._time / _USUAL_TIME
        self._data = min(round(exact / step) * step, 0xFFFF)
        if self._instruction & 0xF0 == _CONTINUOUS:
            self._done = self._now() + self._duration()
        else:
            self._powered = False
            self._done = None

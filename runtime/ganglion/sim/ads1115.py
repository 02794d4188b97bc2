# SPDX-License-Identifier: GPL-3.0-or-later
"""A Texas Instruments ADS1115 down to its registers, written from the data sheet SBAS444.

Its comparator is there as two registers that keep what is written, and compares nothing.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.chip import SimulatedChip
from ganglion.sim.surroundings import Quantity
from ganglion.sim.trace import Trace

_CONVERSION, _CONFIG = 0, 1
_RESET_STATE = (0x0000, 0x8583, 0x8000, 0x7FFF)
_OS, _SINGLE_SHOT = 1 << 15, 1 << 8
#: MUX -> the positive and the negative input; None is ground.
_INPUTS = [(0, 1), (0, 3), (1, 3), (2, 3), (0, None), (1, None), (2, None), (3, None)]
_FULL_SCALES = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256]  # V, by PGA
_RATES = [8, 16, 32, 64, 128, 250, 475, 860]  # conversions a second, by DR
_WAKE_UP = 25_000  # ns from power-down to a single shot

#: Channel of the driver to the quantity that it measures: volts at each pin.
QUANTITIES: Mapping[str, str] = {"a0": "a0", "a1": "a1", "a2": "a2", "a3": "a3"}


class ChipModel(SimulatedChip):
    """One chip; see `SimulatedChip`."""

    name = "ADS1115"
    # Within a supply of up to 5.5 V
    quantities: ClassVar[Mapping[str, Quantity]] = {pin: Quantity(1.0, -0.3, 5.5) for pin in QUANTITIES}

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None) -> None:
        super().__init__(now=now, trace=trace)
        self._registers = list(_RESET_STATE)
        self._pointer = 0
        self._done: int | None = None

    def _take(self, data: bytes) -> None:
        """The pointer, and with two bytes more the register."""
        if not data:
            return
        self._pointer = data[0] & 3
        if len(data) < 3 or self._pointer == _CONVERSION:
            return
        self._finish()
        value = int.from_bytes(data[1:3], "big")
        if self._pointer != _CONFIG:
            self._registers[self._pointer] = value
            return
        self._registers[_CONFIG] = value & ~_OS
        if not value & _SINGLE_SHOT:
            self._done = self._now() + self._duration()
        elif value & _OS:
            self._done = self._now() + _WAKE_UP + self._duration()

    def _give(self, count: int) -> bytes:
        self._finish()
        value = self._registers[self._pointer]
        if self._pointer == _CONFIG and self._done is None:
            value |= _OS
        return (value.to_bytes(2, "big") + b"\xff" * count)[:count]

    def _duration(self) -> int:
        return 1_000_000_000 // _RATES[self._registers[_CONFIG] >> 5 & 7]

    def _finish(self) -> None:
        if self._done is None or self._busy(self._done):
            return
        config = self._registers[_CONFIG]
        self._registers[_CONVERSION] = self._convert(config) & 0xFFFF
        self._done = None if config & _SINGLE_SHOT else self._now() + self._duration()

    def _convert(self, config: int) -> int:
        pins = self.surroundings
        positive, negative = _INPUTS[config >> 12 & 7]
        volts = pins[f"a{positive}"] - (0 if negative is None else pins[f"a{negative}"])
        return max(-32768, min(32767, round(volts / _FULL_SCALES[config >> 9 & 7] * 32768)))

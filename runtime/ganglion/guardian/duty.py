# SPDX-License-Identifier: GPL-3.0-or-later
"""From an actuator's value to the share of a period that its line is high, and back: for all kinds of PWM."""

from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
from ganglion.guardian.driver import Place, Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A straight line.

    Attributes:
        low, high: Values at its ends.
        first, last: Shares of the period there, 0 to 1.
    """

    low: float
    high: float
    first: float
    last: float

    def share(self, value: Any) -> float:
        """Of a value."""
        if isinstance(value, bool):
            return self.last if value else self.first
        return self.first + (float(value) - self.low) / (self.high - self.low) * (self.last - self.first)

    def value(self, share: float) -> float:
        """Of a share."""
        return self.low + (share - self.first) / (self.last - self.first) * (self.high - self.low)


def read(section: Section, ends: tuple[float, ...], place: Place) -> Duty:
    """Of the keys `low`, `high` and `duty`; without the first two for true and false.

    Raises:
        InvalidError: they make no line, or the actuator has `values`.
    """
    if section.values:
        raise InvalidError("a PWM takes numbers, or true and false", where=f"{place.where}.values")
    if len(ends) != 2 or ends[0] == ends[1] or not all(0 <= end <= 1 for end in ends):
        raise InvalidError("must be two shares from 0 to 1 that differ, as in [0.05, 0.1]", where=f"{place.where}.duty")
    low, high = (0.0, 1.0) if section.low is None or section.high is None else (section.low, section.high)
    return Duty(low=low, high=high, first=ends[0], last=ends[1])

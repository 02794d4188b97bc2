# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription asks of the values it is told of."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ganglion_micro import dispatch


class Op(IntEnum):
    """A comparison of an event's value."""

    ABOVE = dispatch.ABOVE
    BELOW = dispatch.BELOW
    BETWEEN = dispatch.BETWEEN
    OUTSIDE = dispatch.OUTSIDE
    EQUALS = dispatch.EQUALS
    NOT_EQUALS = dispatch.NOT_EQUALS
    CHANGES = 7


_RANGES = (Op.BETWEEN, Op.OUTSIDE)
_LIMITS = (Op.ABOVE, Op.BELOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A condition on values, with its state kept for each topic apart.

    Attributes:
        op: The comparison.
        low: The limit of ABOVE and BELOW, the lower end of BETWEEN and OUTSIDE.
        high: The upper end of BETWEEN and OUTSIDE.
        value: What EQUALS and NOT_EQUALS compare with; any value.
        edge: Fire when it becomes true, and again only after it was false; else on every event for which it is true.
        hysteresis: Once true, it stays true until the value is this far on the other side of the limit.
        lasting: Nanoseconds it must be true without a break before it fires; only with `edge`.
        cooldown: Nanoseconds after a firing in which it does not fire again.

    Raises:
        ValueError: a limit is missing or no number, or the fields contradict each other.
    """

    op: Op
    low: float | None = None
    high: float | None = None
    value: Any = None
    edge: bool = False
    hysteresis: float = 0.0
    lasting: int = 0
    cooldown: int = 0

    def __post_init__(self) -> None:
        if self.op in _RANGES + _LIMITS and not _is_finite(self.low):
            raise ValueError(f"{self.op.name} needs a number as low, not {self.low!r}")
        if self.op in _RANGES and not (_is_finite(self.high) and self.low <= self.high):  # type: ignore[operator]
            raise ValueError(f"{self.op.name} needs a high of at least low, not {self.high!r}")
        if not (_is_finite(self.hysteresis) and self.hysteresis >= 0):
            raise ValueError(f"hysteresis must be 0 or more, not {self.hysteresis!r}")
        if self.lasting < 0 or self.cooldown < 0:
            raise ValueError("lasting and cooldown must be 0 or more nanoseconds")
        if self.lasting and not self.edge:
            raise ValueError("lasting needs edge: it is about becoming true")
        if self.op is Op.CHANGES and self.edge:
            raise ValueError("CHANGES is an edge by itself")

    @property
    def is_numeric(self) -> bool:
        """Whether the core can decide it; else it is decided in Python, value by value."""
        if self.op in (Op.EQUALS, Op.NOT_EQUALS):
            return _is_finite(self.value)
        return self.op is not Op.CHANGES

    def core(self) -> dispatch.Where:
        """The fields as the core takes them."""
        low, high = self.low or 0.0, self.high or 0.0
        if self.op in (Op.EQUALS, Op.NOT_EQUALS) and self.is_numeric:
            low = float(self.value)
        return dispatch.Where(
            int(self.op), float(low), float(high), self.edge, float(self.hysteresis), self.lasting, self.cooldown
        )


def _is_finite(number: Any) -> bool:
    try:
        return isinstance(number, int | float) and math.isfinite(number)
    except OverflowError:  # an int that no float can hold
        return False

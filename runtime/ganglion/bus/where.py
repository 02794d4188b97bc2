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
    CHANGES = dispatch.CHANGES


_RANGES = (Op.BETWEEN, Op.OUTSIDE)
_LIMITS = (Op.ABOVE, Op.BELOW)
_EQUALITIES = (Op.EQUALS, Op.NOT_EQUALS)

#: Nanoseconds in 146 years: with Unix time, which is of that size too, it fits the 64 bits of the core.
_MAX_TIME = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A condition on values, with its state kept for each topic apart. Numbers are compared as binary64.

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
        if self.op in _EQUALITIES and isinstance(self.value, int) and not _is_finite(self.value):
            raise ValueError(f"{self.op.name} needs a number that binary64 can hold")
        if not (_is_finite(self.hysteresis) and self.hysteresis >= 0):
            raise ValueError(f"hysteresis must be 0 or more, not {self.hysteresis!r}")
        if self.op is Op.OUTSIDE and self.hysteresis and 2 * self.hysteresis > self.high - self.low:  # type: ignore[operator]
            raise ValueError(f"hysteresis must be at most half the range, or it never ends; {self.hysteresis!r} is not")
        for name in ("lasting", "cooldown"):
            time = getattr(self, name)
            if not (isinstance(time, int) and 0 <= time <= _MAX_TIME):
                raise ValueError(f"{name} must be nanoseconds, a whole number from 0 to 2**62, not {time!r}")
        if self.lasting and not self.edge:
            raise ValueError("lasting needs edge: it is about becoming true")
        if self.op is Op.CHANGES and self.edge:
            raise ValueError("CHANGES is an edge by itself")

    @property
    def is_about_symbol(self) -> bool:
        """Whether it compares with a value that is no number, which the core knows by a symbol."""
        return self.op in _EQUALITIES and not isinstance(self.value, bool | int | float)

    def core(self, symbol: int) -> dispatch.Where:
        """The fields as the core takes them."""
        low = self.low or 0.0
        if self.op in _EQUALITIES and not symbol:
            low = self.value
        return dispatch.Where(
            int(self.op),
            float(low),
            float(self.high or 0.0),
            symbol,
            self.edge,
            float(self.hysteresis),
            self.lasting,
            self.cooldown,
        )


def _is_finite(number: Any) -> bool:
    try:
        return isinstance(number, int | float) and math.isfinite(number)
    except OverflowError:
        return False

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription asks of the values it is told of."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ganglion_micro import match


class Op(IntEnum):
    """A comparison of an event's value."""

    ALWAYS = match.ALWAYS
    ABOVE = match.ABOVE
    BELOW = match.BELOW
    BETWEEN = match.BETWEEN
    OUTSIDE = match.OUTSIDE
    EQUALS = match.EQUALS
    NOT_EQUALS = match.NOT_EQUALS
    CHANGES = match.CHANGES
    MOVES = match.MOVES


class Statistic(IntEnum):
    """What a window says of the numbers in it."""

    COUNT = match.COUNT
    """How many there are, of values that are no numbers too; known before the window is full."""
    MEAN = match.MEAN
    LEAST = match.LEAST
    GREATEST = match.GREATEST
    DEVIATION = match.DEVIATION
    """The standard deviation of these numbers, not an estimate for more: divided by their count."""
    RATE = match.RATE
    """How much the last is more than the first, by the second."""


_RANGES = (Op.BETWEEN, Op.OUTSIDE)
_LIMITS = (Op.ABOVE, Op.BELOW, Op.MOVES)
_EDGES = {
    Op.ALWAYS: "never becomes true: it has no edge",
    Op.CHANGES: "is an edge by itself",
    Op.MOVES: "is an edge by itself",
}
_EQUALITIES = (Op.EQUALS, Op.NOT_EQUALS)

#: Nanoseconds in 146 years: with Unix time, which is of that size too, it fits the 64 bits of the core.
_MAX_TIME = 1 << 62

#: The most numbers of a window, of 16 bytes each for each topic.
MAX_WINDOW = 65536
_SPAN_COUNT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The newest numbers of a topic. NaN, and what is no number, does not go in.

    Attributes:
        statistic: What is compared, and told, instead of each number, once the window is full.
        count: The most numbers, 1 to 65536. Alone, the window is full when there are as many.
        span: Nanoseconds that a number stays. With it, the window is full when the first number since it was empty is
            that old, so numbers must come more often than that; `count` (256 where it is not given) bounds the memory,
            and the oldest go sooner where more come.

    Raises:
        ValueError: it has neither end, or one that makes no sense.
    """

    statistic: Statistic
    count: int = 0
    span: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistic", Statistic(self.statistic))
        if not self.count and self.span:
            object.__setattr__(self, "count", _SPAN_COUNT)
        if not (isinstance(self.count, int) and 1 <= self.count <= MAX_WINDOW):
            raise ValueError(f"a window has a count from 1 to {MAX_WINDOW}, or a span, not {self.count!r}")
        _check_time("the span of a window", self.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A condition on values, with its state kept for each topic apart. Numbers are compared as binary64.

    Attributes:
        op: The comparison.
        low: The limit of ABOVE and BELOW, the lower end of BETWEEN and OUTSIDE; a number MOVES when it is
            farther than this from the one told last.
        high: The upper end of BETWEEN and OUTSIDE.
        value: What EQUALS and NOT_EQUALS compare with; any value.
        edge: Fire when it becomes true, and again only after it was false; else on every event for which it is true.
        hysteresis: Once true, it stays true until the value is this far on the other side of the limit.
        lasting: Nanoseconds it must be true without a break before it fires; only with `edge`.
        debounce: Nanoseconds of silence after an event for which it is true before that one fires, unless it is false
            in between (of CHANGES and MOVES that is silence too); not with `edge`.
        sample: Nanoseconds from an event for which it is true until the latest such one fires; not with `edge`.
        cooldown: Nanoseconds after a firing in which it does not fire again. With `edge`, what has become true in it
            fires at its end, if it is still true then.
        window: What is compared instead of each number.

    Raises:
        ValueError: a limit is missing or no number, or the fields contradict each other.
    """

    op: Op = Op.ALWAYS
    low: float | None = None
    high: float | None = None
    value: Any = None
    edge: bool = False
    hysteresis: float = 0.0
    lasting: int = 0
    debounce: int = 0
    sample: int = 0
    cooldown: int = 0
    window: Window | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "op", Op(self.op))
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
        if self.op is Op.MOVES and self.low < 0:  # type: ignore[operator]
            raise ValueError(f"MOVES needs a low of 0 or more, not {self.low!r}")
        for name in ("lasting", "debounce", "sample", "cooldown"):
            _check_time(name, getattr(self, name))
        if self.lasting and not self.edge:
            raise ValueError("lasting needs edge: it is about becoming true")
        if self.edge and (self.debounce or self.sample):
            raise ValueError("debounce and sample are about every event, and edge is not: use lasting")
        if self.debounce and self.sample:
            raise ValueError("debounce and sample contradict each other")
        if self.edge and self.op in _EDGES:
            raise ValueError(f"{self.op.name} {_EDGES[self.op]}")
        if self.window is not None and (self.op is Op.CHANGES or self.is_about_symbol):
            raise ValueError("a window is about numbers: use MOVES for CHANGES, and a number to compare with")

    @property
    def is_about_symbol(self) -> bool:
        """Whether it compares with a value that is no number, which the core knows by a symbol."""
        return self.op in _EQUALITIES and not isinstance(self.value, bool | int | float)

    def core(self, symbol: int) -> match.Where:
        """The fields as the core takes them."""
        low = self.low or 0.0
        if self.op in _EQUALITIES and not symbol:
            low = self.value
        return match.Where(
            int(self.op),
            float(low),
            float(self.high or 0.0),
            symbol,
            self.edge,
            float(self.hysteresis),
            self.lasting,
            self.cooldown,
            self.debounce,
            self.sample,
            int(self.window.statistic) if self.window else 0,
            self.window.count if self.window else 0,
            self.window.span if self.window else 0,
        )


def _check_time(name: str, time: Any) -> None:
    if not (isinstance(time, int) and 0 <= time <= _MAX_TIME):
        raise ValueError(f"{name} must be nanoseconds, a whole number from 0 to 2**62, not {time!r}")


def _is_finite(number: Any) -> bool:
    try:
        return isinstance(number, int | float) and math.isfinite(number)
    except OverflowError:
        return False

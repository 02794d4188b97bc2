# SPDX-License-Identifier: GPL-3.0-or-later
"""One value from several channels: readings and time in; out a value, how many inputs were fresh, or why there is none.

Each input is first reduced to one number from its readings in the window, then the inputs to one; so an input that
reports often counts no more than one that seldom does.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median
from typing import NamedTuple

#: Readings of one input that are kept; the oldest go where more fall into the window.
MOST = 1024

Number = float | int | bool


class Function(StrEnum):
    """How the inputs become one value."""

    MEAN = "mean"
    WEIGHTED = "weighted"
    MEDIAN = "median"
    ANY = "any"
    ALL = "all"
    LEAST = "least"
    GREATEST = "greatest"
    RATE = "rate"
    DIFFERENCE = "difference"


#: Those with a bool for a value.
LOGICAL = (Function.ANY, Function.ALL)
#: The number of inputs that a function takes, where it is not any number.
INPUTS = {Function.RATE: 1, Function.DIFFERENCE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One channel.

    Attributes:
        name: For people.
        max_age: Nanoseconds after which a reading does not count any more.
        weight: In a weighted mean.
    """

    name: str
    max_age: int
    weight: float = 1.0


class Fused(NamedTuple):
    """What comes of it.

    Attributes:
        value: None where there is none.
        inputs: How many were fresh.
        why: Why there is no value; "" where there is one.
    """

    value: Number | None
    inputs: int
    why: str


class Fusion:
    """The readings of a window, and what is made of them.

    Args:
        function: What is made.
        inputs: In the order of `take`; for a difference, the first without the second.
        at_least: How many must be fresh for a value.
        window: Nanoseconds; 0 for the newest reading of each input alone. The newest always counts while it is fresh.
    """

    def __init__(self, function: Function, inputs: Sequence[Input], *, at_least: int, window: int) -> None:
        self._function = function
        self._inputs = inputs
        self._at_least = at_least
        self._window = window
        most = MOST if window else 1
        self._readings: list[deque[tuple[int, Number]]] = [deque(maxlen=most) for _ in inputs]

    def take(self, at: int, value: object, timestamp: int, now: int) -> None:
        """A reading of input number `at`. What is no finite number is none, and a time to come is now.

        Args:
            timestamp, now: Nanoseconds of the same clock.
        """
        if isinstance(value, bool) or (isinstance(value, int | float) and math.isfinite(value)):
            self._readings[at].append((min(timestamp, now), value))

    def fused(self, now: int) -> Fused:
        """What comes of the readings so far."""
        fresh = [i for i, each in enumerate(self._inputs) if self._is_fresh(i, now, each.max_age)]
        if len(fresh) < self._at_least:
            return Fused(None, len(fresh), self._lack(fresh, now))
        for i in fresh:
            readings = self._readings[i]
            while len(readings) > 1 and readings[0][0] < now - self._window:
                readings.popleft()
        if self._function is Function.RATE:
            rate = slope(self._readings[0])
            why = "" if rate is not None else f"a rate needs two readings of {self._inputs[0].name} in the window"
            return Fused(rate, 1, why)
        return Fused(self._value(fresh), len(fresh), "")

    def deadline(self, now: int) -> int | None:
        """When an input that is fresh will not be any more, unless it is read before; None where none is."""
        ends = [r[-1][0] + each.max_age for r, each in zip(self._readings, self._inputs, strict=True) if r]
        return min((end + 1 for end in ends if end >= now), default=None)

    def _is_fresh(self, at: int, now: int, max_age: int) -> bool:
        readings = self._readings[at]
        return bool(readings) and now - readings[-1][0] <= max_age

    def _value(self, fresh: Sequence[int]) -> Number:
        function = self._function
        within: Callable[[list[Number]], Number] = _WITHIN.get(function, fmean)
        values = [within([value for _, value in self._readings[i]]) for i in fresh]
        match function:
            case Function.WEIGHTED:
                weights = [self._inputs[i].weight for i in fresh]
                return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
            case Function.DIFFERENCE:
                return values[0] - values[1]
        return within(values)

    def _lack(self, fresh: Sequence[int], now: int) -> str:
        said = []
        for i, each in enumerate(self._inputs):
            if i not in fresh:
                readings = self._readings[i]
                age = f"is {(now - readings[-1][0]) / 1e9:.1f} s old" if readings else "was never read"
                said.append(f"{each.name} {age}")
        return f"{len(fresh)} of {self._at_least} inputs that it needs are fresh: {', '.join(said)}"


#: What an input's readings in the window come to, and all inputs then, where that is not the mean.
_WITHIN: dict[Function, Callable[[list[Number]], Number]] = {
    Function.MEDIAN: median,
    Function.ANY: any,
    Function.ALL: all,
    Function.LEAST: min,
    Function.GREATEST: max,
}


def slope(readings: Sequence[tuple[int, Number]]) -> float | None:
    """Change per second by least squares; None for readings of less than two times.

    Args:
        readings: Nanoseconds and value of each.
    """
    if len(readings) < 2:
        return None
    first = readings[0][0]
    times = [(time - first) / 1e9 for time, _ in readings]
    time, value = fmean(times), fmean(value for _, value in readings)
    square = sum((t - time) ** 2 for t in times)
    return sum((t - time) * (v - value) for t, (_, v) in zip(times, readings, strict=True)) / square if square else None

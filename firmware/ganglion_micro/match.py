# SPDX-License-Identifier: GPL-3.0-or-later
"""The condition of a subscription, and its state on one topic: the twin of native/src/condition.c and window.c."""

import math

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

ALWAYS = 0
ABOVE = 1
BELOW = 2
BETWEEN = 3
OUTSIDE = 4
EQUALS = 5
NOT_EQUALS = 6
CHANGES = 7
MOVES = 8

NO_WINDOW = 0
COUNT = 1
MEAN = 2
LEAST = 3
GREATEST = 4
DEVIATION = 5
RATE = 6

NOTHING = 0
TOLD = 1
KEPT = 2

_NAN = float("nan")

#: Nothing is waiting: later than any time (2**63 - 1, as in C).
NEVER = 0x7FFFFFFFFFFFFFFF


class Where:
    """What a subscription asks of a value; the fields are those of `gg_where`."""

    __slots__ = (
        "capacity",
        "cooldown",
        "debounce",
        "edge",
        "high",
        "hysteresis",
        "lasting",
        "low",
        "op",
        "sample",
        "span",
        "statistic",
        "symbol",
    )

    def __init__(
        self,
        op: int = ALWAYS,
        low: float = 0.0,
        high: float = 0.0,
        symbol: int = 0,
        edge: bool = False,
        hysteresis: float = 0.0,
        lasting: int = 0,
        cooldown: int = 0,
        debounce: int = 0,
        sample: int = 0,
        statistic: int = 0,
        capacity: int = 0,
        span: int = 0,
    ) -> None:
        self.op = op
        self.low = low
        self.high = high
        self.symbol = symbol
        self.edge = edge
        self.hysteresis = hysteresis
        self.lasting = lasting
        self.cooldown = cooldown
        self.debounce = debounce
        self.sample = sample
        self.statistic = statistic
        self.capacity = capacity
        self.span = span


class Window:
    """The newest numbers of one subscription on one topic."""

    __slots__ = ("_began", "_samples")

    def __init__(self) -> None:
        self._began = 0
        self._samples = []  # type: list[tuple[int, float]]

    def add(self, where: Where, number: float, now: int) -> float:
        """Takes a number and returns the statistic of those that are in the window now; NaN until it is full."""
        samples = self._samples
        gone = 0
        while where.span and gone < len(samples) and now - samples[gone][0] >= where.span:
            gone += 1
        if gone == len(samples):
            self._began = now
        if len(samples) - gone == where.capacity:
            gone += 1
        if gone:
            del samples[:gone]
        samples.append((now, number))
        if where.statistic == COUNT:
            return float(len(samples))
        full = now - self._began >= where.span if where.span else len(samples) == where.capacity
        return _statistic(where.statistic, samples) if full else _NAN


def _statistic(statistic: int, samples: "list[tuple[int, float]]") -> float:
    if statistic == RATE:
        first, last = samples[0], samples[-1]
        elapsed = last[0] - first[0]
        return (last[1] - first[1]) / (elapsed / 1e9) if elapsed > 0 else _NAN
    if statistic in (LEAST, GREATEST):
        found = samples[0][1]
        for _, number in samples:
            if number < found if statistic == LEAST else number > found:
                found = number
        return found
    # One after the other, as in C: since Python 3.12 `sum` rounds only once.
    total = 0.0
    for _, number in samples:
        total += number
    mean = total / len(samples)
    if statistic == MEAN:
        return mean
    total = 0.0
    for _, number in samples:
        off = number - mean
        total += off * off
    return math.sqrt(total / len(samples))


class Match:
    """One subscription on one topic, with its state.

    Attributes:
        is_plain: Whether it is told of every event.
        due: When it fires, unless something happens before.
        number: What it fires with.
    """

    __slots__ = (
        "_fired",
        "_started",
        "_told",
        "_window",
        "active",
        "due",
        "is_plain",
        "number",
        "order",
        "priority",
        "subscription",
        "tests",
        "topic",
        "where",
    )

    def __init__(
        self, subscription: int, order: int, priority: int, where: Where, tests: "list[Any]", topic: int
    ) -> None:
        self.tests = tests
        self.subscription = subscription
        self.order = order
        self.priority = priority
        self.where = where
        self.topic = topic
        self.active = False
        self.due = NEVER
        self.number = _NAN
        waits = where.lasting or where.debounce or where.sample or where.cooldown
        self.is_plain = not (where.op or where.edge or where.statistic or waits or tests)
        self._started = False  # there was a value before
        self._fired = None  # type: int | None
        self._told = _NAN
        self._window = Window() if where.statistic else None

    def _holds(self, number: float, symbol: int, changed: bool) -> bool:
        where = self.where
        op = where.op
        slack = where.hysteresis if self.active else 0.0
        if op == ABOVE:
            return number >= where.low - slack if slack > 0 else number > where.low
        if op == BELOW:
            return number <= where.low + slack if slack > 0 else number < where.low
        if op == BETWEEN:
            return where.low - slack <= number and number <= where.high + slack
        if op == OUTSIDE:
            return number < where.low + slack or number > where.high - slack
        if op == EQUALS:
            return symbol == where.symbol if where.symbol else number == where.low
        if op == NOT_EQUALS:
            return symbol != where.symbol if where.symbol else number != where.low
        if op == CHANGES:
            return self._started and changed
        if op == MOVES:
            return abs(number - self._told) > where.low if self._fired is not None else number == number
        return True

    def feed(self, number: float, symbol: int, changed: bool, now: int) -> int:
        """Whether the subscription is TOLD of this value, or it is KEPT until it is due."""
        where = self.where
        was = self.active
        if self._window is not None:
            if number != number and where.statistic != COUNT:
                return NOTHING
            number = self._window.add(where, number, now)
            if number != number:
                return NOTHING
        before = self.number
        self.active = self._holds(number, symbol, changed)
        self.number = number
        self._started = True
        if where.edge:
            if not self.active:
                self.due = NEVER
            elif not was:
                due = self._soonest(now + where.lasting)
                if due <= now:
                    return TOLD if self.may_fire(now) else NOTHING
                self.due = min(due, NEVER)
            return KEPT if self.due != NEVER else NOTHING
        if not self.active:
            self.number = before  # what waits is told as it was
            if where.debounce and where.op not in (CHANGES, MOVES):
                self.due = NEVER  # it was no more than a glitch
            return NOTHING
        if where.debounce:
            self.due = min(now + where.debounce, NEVER)
            return KEPT
        if where.sample:
            if self.due == NEVER:
                self.due = min(now + where.sample, NEVER)
            return KEPT
        return TOLD if self.may_fire(now) else NOTHING

    def _soonest(self, time: int) -> int:
        """A time, or the end of the cooldown if that is later."""
        if not self.where.cooldown or self._fired is None:
            return time
        return max(time, self._fired + self.where.cooldown)

    def may_fire(self, now: int) -> bool:
        """Whether a firing is not too soon after the last one; remembers it where it is not."""
        cooldown = self.where.cooldown
        if cooldown and self._fired is not None and now - self._fired < cooldown:
            return False
        self._fired = now
        self._told = self.number
        return True

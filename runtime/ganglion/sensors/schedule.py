# SPDX-License-Identifier: GPL-3.0-or-later
"""When a sensor is read next, and how well it is. No clock, no I/O: time is an argument, in monotonic nanoseconds."""

from enum import StrEnum

from ganglion.units import SECOND

#: The first wait after a failure, unless the sensor is read less often anyway; doubled by each further one.
_FIRST_WAIT = 500_000_000
_LONGEST_WAIT = 60_000_000_000

#: Failures in a row after which a sensor is unhealthy. One or two are a disturbed bus, three a broken thing.
_PATIENCE = 3


class Health(StrEnum):
    """STARTING: not read yet. OK: the last read succeeded. FAILING: it did not. UNHEALTHY: nor did the ones before."""

    STARTING = "starting"
    OK = "ok"
    FAILING = "failing"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"


class Schedule:
    """The times of one sensor's reads.

    Args:
        every: Nanoseconds from read to read, 0 for as soon as the last has ended.
        now: When it is first due.
    """

    def __init__(self, *, every: int, now: int) -> None:
        self.every = every
        self.due = now
        self.health = Health.STARTING
        self.failures = 0
        self.errors = 0
        self.missed = 0
        self._planned = now

    def succeeded(self, now: int) -> Health:
        """A read ended well; returns the health before. Times do not drift, and those that passed are missed."""
        before = self.answered()
        if self.every:
            if now >= self._planned:
                passed = (now - self._planned) // self.every
                self.missed += passed
                self._planned += (passed + 1) * self.every
            self.due = self._planned
        else:
            self.due = now
        return before

    def answered(self) -> Health:
        """A read ended well whose time somebody else has planned; returns the health before."""
        before, self.health = self.health, Health.OK
        self.failures = 0
        return before

    def failed(self, now: int) -> Health:
        """A read failed; returns the health before. The next is after a wait that doubles up to a minute."""
        before = self.health
        self.errors += 1
        self.failures += 1
        self.health = Health.UNHEALTHY if self.failures >= _PATIENCE else Health.FAILING
        wait = min(_FIRST_WAIT << min(self.failures - 1, 16), _LONGEST_WAIT)
        self.due = self._planned = now + max(wait, self.every)
        return before


class Statistics:
    """Of one channel since the start: count, lowest, highest and mean."""

    __slots__ = ("_sum", "count", "high", "low")

    def __init__(self) -> None:
        self.count = 0
        self.low: float | None = None
        self.high: float | None = None
        self._sum = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self._sum += value
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)

    @property
    def mean(self) -> float | None:
        return self._sum / self.count if self.count else None


class Rate:
    """How many a second there were lately: in this window so far, and in the rest of its length of the one before.

    Args:
        window: Nanoseconds.
        now: When counting begins.
    """

    __slots__ = ("_before", "_count", "_is_first", "_since", "_window")

    def __init__(self, *, window: int, now: int) -> None:
        self._window = window
        self._since = now
        self._count = 0
        self._before = 0
        self._is_first = True

    def add(self, now: int) -> None:
        """Counts one."""
        if now - self._since >= self._window:
            self._turn(now)
        self._count += 1

    def per_second(self, now: int) -> float:
        """So many a second. In the first window over the time since the beginning, a second at least."""
        self._turn(now)
        into = now - self._since
        if self._is_first:
            return self._count * SECOND / max(into, SECOND)
        return (self._before * (self._window - into) / self._window + self._count) * SECOND / self._window

    def _turn(self, now: int) -> None:
        windows = (now - self._since) // self._window
        if windows > 0:
            self._before = self._count if windows == 1 else 0
            self._count = 0
            self._since += windows * self._window
            self._is_first = False

# SPDX-License-Identifier: GPL-3.0-or-later
"""From the edges of one line to readings: its state, how many edges there were, how many a second."""

from typing import NamedTuple

from ganglion.sensors.source import Value

#: Whether the line became active, when in nanoseconds, and which edge of its request it is, counted from 1.
Edge = tuple[bool, int, int]


class Reading(NamedTuple):
    """What was true at a time, in nanoseconds."""

    timestamp: int
    values: dict[str, Value]


class Edges:
    """Counts; every edge is a reading, and so is the end of every period.

    A rate is the mean over whole periods. What the kernel had to drop because nobody read in time is counted too, for
    it numbers edges before it drops them; only when they were is lost.

    Args:
        every: A period in ns.
    """

    def __init__(self, *, every: int) -> None:
        self.count = 0
        self._every = every
        self._number = 0
        self._began = self._counted = 0

    @property
    def due(self) -> int:
        """When the period ends."""
        return self._began + self._every

    def begin(self, state: bool, now: int) -> Reading:
        """The line was requested: edges are numbered from 1 again, and the period begins. The count goes on."""
        self._number = 0
        self._began, self._counted = now, self.count
        return Reading(now, {"state": state, "edges": self.count})

    def edge(self, active: bool, timestamp: int, number: int) -> list[Reading]:
        """The edge, and before it the end of a period that it comes after."""
        readings = [self._end(timestamp)] if timestamp >= self.due else []
        self.count += max(number - self._number, 1)
        self._number = number
        readings.append(Reading(timestamp, {"state": active, "edges": self.count}))
        return readings

    def quiet(self, state: bool, now: int) -> Reading | None:
        """The end of the period, if it has come; `state` is the line's now."""
        if now < self.due:
            return None
        values = self._end(now).values
        return Reading(now, {"state": state, **values})

    def _end(self, now: int) -> Reading:
        """Ends the last whole period before `now`, with those before that nobody asked about."""
        end = now - (now - self._began) % self._every
        rate = (self.count - self._counted) * 1e9 / (end - self._began)
        self._began, self._counted = end, self.count
        return Reading(end, {"edges": self.count, "rate": rate})

# SPDX-License-Identifier: GPL-3.0-or-later
"""A source that is read faster than an event loop should be woken: many samples in a row, each at its time."""

import time
from collections.abc import Callable
from typing import NamedTuple

from ganglion.sensors.source import Value
from ganglion.units import MILLISECOND, SECOND

#: A sensor that is read at least this often is read in rows.
FAST = 20 * MILLISECOND
#: Of the samples that are handed over together: how late the first of them may be.
_ROW = 20 * MILLISECOND

#: Samples of a row, of a source that paces itself.
_MOST = 64


class Sample(NamedTuple):
    """What was read.

    Attributes:
        values: By channel.
        timestamp: When, in nanoseconds since the Unix epoch.
        at: When, in monotonic nanoseconds.
    """

    values: dict[str, Value]
    timestamp: int
    at: int


class Paced:
    """The rows of one source, all on one thread.

    Args:
        take: A sample with its time; blocks, and may raise.
        every: Nanoseconds from sample to sample; 0 where `take` waits for the next one.
        monotonic: Nanoseconds.

    Attributes:
        missed: Samples that were due while nothing was read.
    """

    def __init__(self, take: Callable[[], Sample], *, every: int, monotonic: Callable[[], int]) -> None:
        self.missed = 0
        self._take = take
        self._every = every
        self._monotonic = monotonic
        self._due = monotonic()
        self._failure: Exception | None = None
        self._ended = False

    def row(self) -> list[Sample]:
        """The next samples, of 20 ms; fewer, or none, once it has been ended.

        Raises:
            Exception: what `take` raises, after the samples before it have been handed over, and from then on.
        """
        samples: list[Sample] = []
        if self._failure is not None:
            raise self._failure
        end = self._monotonic() + _ROW
        for _ in range(max(1, _ROW // self._every) if self._every else _MOST):
            if self._ended or (samples and self._monotonic() >= end):  # what is slow is handed over all the same
                break
            if (wait := self._due - self._monotonic()) > 0:
                time.sleep(wait / SECOND)
            try:
                samples.append(self._take())
            except Exception as error:
                self._failure = error  # the rows that are planned already do not open the source again
                if not samples:
                    raise
                break
            self._plan()
        return samples

    def end(self) -> None:
        """From any thread: what is being read is the last."""
        self._ended = True

    def _plan(self) -> None:
        """A sample that is late by less than a period is one all the same; then times go on as they were."""
        if not self._every:
            return
        self._due += self._every
        if (late := self._monotonic() - self._due) >= self._every:
            self.missed += late // self._every
            self._due += late // self._every * self._every

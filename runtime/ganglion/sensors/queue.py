# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples of a chip that measures by itself and keeps them in a queue: one after the other, and none is left out."""

import errno
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ganglion.sensors.chips import Driver
from ganglion.sensors.source import Value
from ganglion.units import SECOND

_MOST = 4096  # samples that are read and not taken
#: Of what the chip's clock and ours differ by each time the queue is read, a part is made good; of more, all.
_PART = 8
_ASTRAY = 0.25


class QueueingDriver(Driver, Protocol):
    """A driver whose chip has a queue."""

    queued: Sequence[str]

    @property
    def rate(self) -> float:
        """Samples a second."""
        ...

    def start_fifo(self) -> int:
        """Begins to fill an empty queue; milliseconds within which it has to be read, each time."""
        ...

    def samples(self) -> Sequence[Sequence[float]]:
        """What it holds, oldest first, a value for each of `queued`. OSError ENOBUFS where samples were lost."""
        ...


class Queue:
    """The queue of one chip, from now on.

    Args:
        driver: Of a chip that nobody has started.
        sleep: Lets so many seconds pass.
        monotonic: Seconds that do not go back.

    Raises:
        OSError: the chip does not answer.

    Attributes:
        age: Nanoseconds that the sample is old that `next` gave last. Samples are as far apart as the chip takes them.
    """

    age = 0

    def __init__(self, driver: QueueingDriver, sleep: Callable[[float], None], monotonic: Callable[[], float]) -> None:
        self._driver = driver
        self._sleep = sleep
        self._monotonic = monotonic
        self._read: deque[tuple[Sequence[float], float]] = deque()
        self._newest = -math.inf  # when the last sample was taken that was read
        sleep(driver.start() / 1000)
        self._pause = driver.start_fifo() / 2000  # half of the time there is: who sleeps may sleep longer
        self._due = monotonic() + self._pause

    def next(self) -> Mapping[str, Value]:
        """The next sample; sleeps until the chip has one.

        Raises:
            OSError: samples were lost, or the chip does not answer.
        """
        # The chip's queue is small: it is emptied in time though what was read before is not taken yet
        while not self._read or self._monotonic() >= self._due:
            if len(self._read) > _MOST:
                raise OSError(errno.ENOBUFS, f"{len(self._read)} samples wait: they are taken too slowly")
            self._sleep(max(self._due - self._monotonic(), 0))
            self._due = self._monotonic() + self._pause
            if samples := self._driver.samples():
                self._stamp(samples, self._monotonic())
        values, at = self._read.popleft()
        self.age = max(round((self._monotonic() - at) * SECOND), 0)
        return dict(zip(self._driver.queued, values, strict=True))

    def _stamp(self, samples: Sequence[Sequence[float]], now: float) -> None:
        spread = len(samples) / self._driver.rate
        if abs(now - self._newest - spread) > _ASTRAY:  # the first, or some were lost
            self._newest = now - spread
        newest = min(now, self._newest + spread + (now - self._newest - spread) / _PART)
        step = (newest - self._newest) / len(samples)
        self._read.extend((values, self._newest + step * place) for place, values in enumerate(samples, 1))
        self._newest = newest

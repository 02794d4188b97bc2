# SPDX-License-Identifier: GPL-3.0-or-later
"""From readings at any times to steps of equal length: the mean of each, and None for one without a reading."""

from collections.abc import Iterator
from typing import NamedTuple


class Step(NamedTuple):
    """A step that has ended.

    Attributes:
        time: Where it begins, in nanoseconds since the Unix epoch. A gap: where its first step begins.
        value: The mean of its readings; None for a gap.
        steps: 1, and in a gap as many as it has.
    """

    time: int
    value: float | None
    steps: int = 1


class Steps:
    """One series.

    Args:
        every: Nanoseconds of a step, whole multiples of which they begin at; 0 for one with each reading.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._at: int | None = None
        self._sum = 0.0
        self._count = 0

    def take(self, time: int, value: float) -> Iterator[Step]:
        """Adds a reading, and gives the steps that it ends.

        A reading of an earlier step counts in the one that is open. From farther back than one step, its clock was
        set: the open step ends, and no gap is seen.
        """
        if not self._every:
            yield Step(time, value)
            return
        at = time // self._every
        if self._at is not None and (at > self._at or at < self._at - 1):
            yield Step(self._at * self._every, self._sum / self._count)
            if at > self._at + 1:
                yield Step((self._at + 1) * self._every, None, at - self._at - 1)
            self._sum, self._count, self._at = 0.0, 0, None
        if self._at is None:
            self._at = at
        self._sum += value
        self._count += 1

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is normal for a series: a mean and a deviation that follow it, and do not learn from what is not normal.

The first readings are only gathered: their median, and 1.4826 times the median of their distances from it, are the mean
and the standard deviation to begin with (the factor makes the two equal for a normal distribution), so that a few wild
readings among them do no harm. Then both are exponentially weighted.
"""

import math
from statistics import median

#: From the median absolute deviation of a normal distribution to its standard deviation: 1 / 0.67449.
_MAD = 1.4826
#: The z-score of what is farther away than this.
FARTHEST = 1000.0


class Baseline:
    """Mean and deviation of one series.

    Args:
        memory: Readings whose weight in the mean is 86 % together; a reading counts 2 / (memory + 1) of a change.
        warm_up: Readings that are gathered before anything is said.
        threshold: The z-score beyond which a reading is an anomaly, and is not learnt from.
        noise: The least standard deviation that is believed, in the unit of the readings: for a series that stands
            still, or moves by whole steps.
    """

    def __init__(self, *, memory: int, warm_up: int, threshold: float, noise: float = 0.0) -> None:
        self._alpha = 2 / (memory + 1)
        self._warm_up = warm_up
        self._threshold = threshold
        self._noise = noise
        self._first: list[float] = []
        self.mean = 0.0
        self._variance = 0.0

    @property
    def is_warm(self) -> bool:
        """Whether it knows what is normal."""
        return len(self._first) >= self._warm_up

    @property
    def missing(self) -> int:
        """Readings until it is warm."""
        return self._warm_up - len(self._first)

    @property
    def deviation(self) -> float:
        """The standard deviation; never 0."""
        return max(math.sqrt(self._variance), self._noise, 1e-9 * max(1.0, abs(self.mean)))

    def take(self, value: float) -> float | None:
        """The z-score of a reading, at most `FARTHEST` either way; None while warming up. It learns after that."""
        if not self.is_warm:
            self._first.append(value)
            if self.is_warm:
                self.mean = median(self._first)
                self._variance = (_MAD * median(abs(each - self.mean) for each in self._first)) ** 2
            return None
        away = value - self.mean
        score = min(max(away / self.deviation, -FARTHEST), FARTHEST)
        if abs(score) <= self._threshold:
            # T. Finch, Incremental calculation of weighted mean and variance, 2009
            step = self._alpha * away
            self.mean += step
            self._variance = (1 - self._alpha) * (self._variance + away * step)
        return score

    def restart(self) -> None:
        """Forgets what is normal: the series has become another one."""
        self._first.clear()

# SPDX-License-Identifier: GPL-3.0-or-later
"""When the mean of a series has changed: a two-sided cumulative sum (E. S. Page, 1954) of z-scores."""

from typing import NamedTuple


class Change(NamedTuple):
    """A change that was found.

    Attributes:
        up: Whether the series is higher now.
        since: Readings ago that the sum began to grow, 0 for the one that told: where the change probably was.
    """

    up: bool
    since: int


class Cusum:
    """The sums of one series.

    Args:
        slack: How far a mean may wander without being noticed, in deviations: half of the shift that is looked for.
        limit: The sum at which the mean has changed, in deviations. With a slack of 0.5, independent normal readings
            reach 5 once in 465 of them by chance, and 8 once in about 9,500 (Siegmund's approximation).
        clip: What a single z-score counts at most, so that one wild reading is no change.
    """

    def __init__(self, *, slack: float = 0.5, limit: float = 8.0, clip: float = 3.0) -> None:
        self._slack = slack
        self._limit = limit
        self._clip = clip
        self.high = self.low = 0.0
        self._rising = self._falling = 0

    def take(self, score: float) -> Change | None:
        """Adds a z-score. What it finds ends both sums: they begin anew with the next one."""
        score = min(max(score, -self._clip), self._clip)
        self.high = max(0.0, self.high + score - self._slack)
        self.low = max(0.0, self.low - score - self._slack)
        self._rising = self._rising + 1 if self.high else 0
        self._falling = self._falling + 1 if self.low else 0
        if max(self.high, self.low) <= self._limit:
            return None
        up = self.high > self.low
        found = Change(up, (self._rising if up else self._falling) - 1)
        self.restart()
        return found

    def restart(self) -> None:
        """Begins anew."""
        self.high = self.low = 0.0
        self._rising = self._falling = 0

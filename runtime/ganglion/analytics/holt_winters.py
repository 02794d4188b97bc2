# SPDX-License-Identifier: GPL-3.0-or-later
"""The forecast of Holt and Winters with an additive season: a level, a trend and what each place of a season adds.

R. J. Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, section 8.3.
"""


class HoltWinters:
    """One series in steps of equal length. Memory: two seasons while it begins, then one.

    The first two seasons are only gathered. The difference of their means is the trend; what is left of each step
    without trend, averaged over both, is the season.

    Args:
        season: Steps of a season, 2 or more.
        alpha: How fast the level follows, 0 to 1.
        beta: How fast the trend does.
        gamma: How fast the season does.
    """

    def __init__(self, season: int, *, alpha: float = 0.2, beta: float = 0.01, gamma: float = 0.1) -> None:
        if season < 2:
            raise ValueError(f"a season has 2 steps or more, not {season}")
        self._alpha = alpha
        self._beta = beta
        self._gamma = gamma
        self._first: list[float] = []
        self._season = [0.0] * season
        self._at = 0
        self.level = self.trend = 0.0

    @property
    def is_warm(self) -> bool:
        """Whether it can say anything."""
        return len(self._first) >= 2 * len(self._season)

    @property
    def missing(self) -> int:
        """Steps until it is warm."""
        return 2 * len(self._season) - len(self._first)

    def forecast(self, ahead: int = 1) -> float | None:
        """The value of a step to come, 1 for the next; None before the end of the second season."""
        if not self.is_warm:
            return None
        return self.level + ahead * self.trend + self._season[(self._at + ahead - 1) % len(self._season)]

    def take(self, value: float) -> None:
        """Learns the value of the next step."""
        if not self.is_warm:
            self._first.append(value)
            if self.is_warm:
                self._begin()
            return
        before = self.level + self.trend
        seasonal = self._season[self._at]
        level = self._alpha * (value - seasonal) + (1 - self._alpha) * before
        self.trend = self._beta * (level - self.level) + (1 - self._beta) * self.trend
        self._season[self._at] = self._gamma * (value - before) + (1 - self._gamma) * seasonal
        self.level = level
        self._at = (self._at + 1) % len(self._season)

    def skip(self, steps: int = 1) -> None:
        """Steps without a value: the season goes on, level and trend stay. One among the first two begins them anew."""
        if not self.is_warm:
            self._first.clear()
            return
        self._at = (self._at + steps) % len(self._season)

    def _begin(self) -> None:
        length = len(self._season)
        one, two = (sum(self._first[at : at + length]) / length for at in (0, length))
        self.trend = (two - one) / length
        middle = (length - 1) / 2
        for i in range(length):
            both = (self._first[i] - one, self._first[length + i] - two)
            self._season[i] = sum(both) / 2 - self.trend * (i - middle)
        self.level = two + self.trend * middle

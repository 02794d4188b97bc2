# SPDX-License-Identifier: GPL-3.0-or-later
"""How good forecasts were, beside saying that the next value is the last one, or that of a season ago."""

from collections import deque
from typing import NamedTuple


class Figure(NamedTuple):
    """The error of one way to forecast.

    Attributes:
        mae: Mean absolute error, in the unit of the series.
        mase: Mean absolute scaled error (Hyndman and Koehler, 2006): the MAE by that of the naive forecast before
            the first forecast that counts. None where that is 0 or there was none.
    """

    mae: float
    mase: float | None


class ForecastErrors:
    """Errors of one series, each step's forecast made one step before; only steps that have all three count.

    Args:
        season: Steps of a season; its memory is as many values.

    Attributes:
        count: Steps that count.
    """

    def __init__(self, season: int) -> None:
        self._past: deque[float | None] = deque(maxlen=season)
        self._sums = [0.0, 0.0, 0.0]
        self._scale = 0.0
        self._scaled = 0
        self.count = 0

    def take(self, value: float | None, forecast: float | None) -> None:
        """A step with what was forecast for it; None where there is none."""
        last = self._past[-1] if self._past else None
        ago = self._past[0] if len(self._past) == self._past.maxlen else None
        self._past.append(value)
        if value is None or last is None:
            return
        if forecast is not None and ago is not None:
            self.count += 1
            for i, said in enumerate((forecast, last, ago)):
                self._sums[i] += abs(value - said)
        elif not self.count:
            self._scale += abs(value - last)
            self._scaled += 1

    def figures(self) -> dict[str, Figure] | None:
        """`forecast`, `naive` and `seasonal_naive`; None before the first step that counts."""
        if not self.count:
            return None
        scale = self._scale / self._scaled if self._scaled else 0.0
        found = {}
        for name, total in zip(("forecast", "naive", "seasonal_naive"), self._sums, strict=True):
            mae = total / self.count
            found[name] = Figure(mae, mae / scale if scale else None)
        return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is said of one series, reading by reading: z-score, anomaly, change, forecast and its error.

Without a season a reading is measured against the rolling mean. With one, the readings of each step are averaged, and
what is measured is how far the step is from its forecast: a warm noon is no anomaly, a warm night is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ganglion.analytics.baseline import Baseline
from ganglion.analytics.change import Change, Cusum
from ganglion.analytics.errors import Figure, ForecastErrors
from ganglion.analytics.holt_winters import HoltWinters
from ganglion.analytics.steps import Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a series is looked at.

    Attributes:
        every: Nanoseconds of a step; 0 for one with each reading.
        season: Steps of a season; 0 for none, and no forecast.
        memory, warm_up, threshold, noise: See `Baseline`.
    """

    every: int = 0
    season: int = 0
    memory: int = 200
    warm_up: int = 30
    threshold: float = 4.0
    noise: float = 0.0


class Finding(NamedTuple):
    """What is said of a step.

    Attributes:
        time: Where it begins, or of its reading, in nanoseconds since the Unix epoch.
        value: Its value.
        zscore: In deviations; None while warming up.
        anomaly: Whether that is beyond the threshold; None while warming up.
        change: A change of the mean that it told.
        forecast: For the next step; None without a season, and in the first two.
        error: Its value without what was forecast for it; None where nothing was.
    """

    time: int
    value: float
    zscore: float | None
    anomaly: bool | None
    change: Change | None
    forecast: float | None
    error: float | None


class Analyser:
    """One series. Its memory is two seasons of numbers and those of the warm-up."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._steps = Steps(terms.every)
        self._baseline = Baseline(
            memory=terms.memory, warm_up=terms.warm_up, threshold=terms.threshold, noise=terms.noise
        )
        self._cusum = Cusum()
        self._forecaster = HoltWinters(terms.season) if terms.season else None
        self._errors = ForecastErrors(terms.season) if terms.season else None

    @property
    def missing(self) -> int:
        """Steps until it says something; 0 once it can."""
        return max(0, self._baseline.missing if self._forecaster is None else self._forecaster.missing)

    def take(self, time: int, value: float) -> Iterator[Finding]:
        """Adds a reading, and gives what is said of the steps that it ends."""
        for step in self._steps.take(time, value):
            if step.value is not None:
                yield self._look(step.time, step.value)
                continue
            if self._forecaster is not None and self._errors is not None:
                self._forecaster.skip(step.steps)
                for _ in range(min(step.steps, self._terms.season)):
                    self._errors.take(None, None)

    def figures(self) -> dict[str, Figure] | None:
        """The errors of the forecast, beside those of the simple ones; None before there are any."""
        return None if self._errors is None else self._errors.figures()

    @property
    def forecasts(self) -> int:
        """Steps that the figures are of."""
        return 0 if self._errors is None else self._errors.count

    def _look(self, time: int, value: float) -> Finding:
        forecaster, error = self._forecaster, None
        if forecaster is not None and (expected := forecaster.forecast()) is not None:
            error = value - expected
        score = None
        if forecaster is None or error is not None:
            score = self._baseline.take(value if error is None else error)
        anomaly = None if score is None else abs(score) > self._terms.threshold
        change = None if score is None else self._cusum.take(score)
        if change is not None:
            self._baseline.restart()
        if forecaster is not None and self._errors is not None:
            self._errors.take(value, None if error is None else value - error)
            # An anomaly is not learnt from; after a change nothing is one until the baseline is warm again.
            forecaster.take(value - error if anomaly and not change and error is not None else value)
        ahead = None if forecaster is None else forecaster.forecast()
        return Finding(time, value, score, anomaly, change, ahead, error)

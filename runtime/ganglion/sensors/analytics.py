# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `analytics`: what is normal for a channel, whether it changed, and what it will read next."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ganglion.analytics.analyser import Analyser, Finding, Terms
from ganglion.errors import InvalidError
from ganglion.sensors.computed import Computed, Outcome, channel
from ganglion.sensors.past import Readings
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field

#: Steps of a season at most: a day in minutes.
MOST_STEPS = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsSection(Section):
    """`[sensor.<name>]` with `kind = "analytics"`.

    Attributes:
        input: A channel of this node, `"kitchen.temperature"`, or a topic of its bus.
        every: Readings are averaged over steps of this time; without it each reading is a step.
        season: The time after which the course repeats, as `1d`; needed for a forecast, and 2 to 1440 steps long.
        memory: Steps that the rolling mean and deviation remember.
        warm_up: Steps until a step can be an anomaly.
        threshold: The z-score beyond which it is one.
        noise: The least standard deviation that is believed, in the unit of the input: for one that stands still.
        unit: UCUM, of an input whose unit is not known here.
    """

    input: str
    every: int = duration_field("0s")
    season: int = duration_field("0s")
    memory: int = 200
    warm_up: int = 30
    threshold: float = 4.0
    noise: float = 0.0
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.season and not self.every:
            raise ValueError('a season has steps: set every, as in every = "10m"')
        if self.season and (self.season % self.every or not 2 <= self.season // self.every <= MOST_STEPS):
            raise ValueError(f"a season has 2 to {MOST_STEPS} whole steps of every")
        if not 5 <= self.warm_up <= 10_000 or not 5 <= self.memory <= 1_000_000:
            raise ValueError("warm_up is 5 to 10000 steps, and memory 5 to 1000000")
        if not (0 < self.threshold < math.inf and 0 <= self.noise < math.inf):
            raise ValueError("threshold is a number above 0, and noise not below 0")

    @property
    def terms(self) -> Terms:
        """How the series is looked at."""
        return Terms(
            every=self.every,
            season=self.season // self.every if self.season else 0,
            memory=self.memory,
            warm_up=self.warm_up,
            threshold=self.threshold,
            noise=self.noise,
        )


SECTION = AnalyticsSection


def source(section: AnalyticsSection, place: Place) -> Source:
    """The analysis.

    Raises:
        InvalidError: the input is none.
    """
    return _Analysed(section, place)


class _Analysed(Computed):
    branch = "signal.anomaly"
    learns = True

    def __init__(self, section: AnalyticsSection, place: Place) -> None:
        self.inputs = (channel(section.input, f"{place.where}.input"),)
        self.places = (f"{place.where}.input",)
        self.channels = {"zscore": "1", "anomaly": "", "change": ""}
        if section.season:
            self.channels |= {"forecast": section.unit or "", "forecast_error": section.unit or ""}
        self._section = section
        self._where = place.where
        self._analyser = Analyser(section.terms)
        self._found: list[Finding] = []
        self._flags: dict[str, Value] = {}
        self._began = False

    def bind(self, units: Sequence[str | None]) -> None:
        if not self._section.season or self._section.unit is not None:
            return
        if units[0] is None:
            raise InvalidError(f"the unit of {self.inputs[0]} is not known here: name it", where=f"{self._where}.unit")
        unit = units[0] or "1"
        self.channels = {**self.channels, "forecast": unit, "forecast_error": unit}

    def learnt(self, readings: Readings) -> Callable[[], None] | None:
        analyser, count = Analyser(self._section.terms), 0
        for timestamp, value in readings:
            if _is_number(value):
                count += 1
                for _ in analyser.take(timestamp, float(value)):
                    pass  # it was said when it was read

        def take_over() -> None:
            self._analyser = analyser

        return take_over if count else None

    def hear(self, at: int, value: Any, timestamp: int, now: int) -> None:
        if _is_number(value):
            self._found.extend(self._analyser.take(timestamp, float(value)))

    def compute(self, now: int) -> Outcome:
        found, self._found = self._found, []
        values: dict[str, Value] = {}
        for finding in found:
            values |= self._values(finding)
        self._began = self._began or bool(values)
        # What was learnt before is there, but the first step since has not ended
        steps = max(self._analyser.missing, 1)
        many = f"{steps} more step{'s' if steps > 1 else ''}"
        return Outcome(values, "" if self._began else f"warming up: {many} until it can say anything")

    def _values(self, finding: Finding) -> dict[str, Value]:
        numbers = {"zscore": finding.zscore, "forecast": finding.forecast, "forecast_error": finding.error}
        values: dict[str, Value] = {name: number for name, number in numbers.items() if number is not None}
        if finding.anomaly is not None or self._flags:  # while it learns anew, nothing is one
            flags: dict[str, Value] = {"anomaly": bool(finding.anomaly), "change": finding.change is not None}
            values |= {name: flag for name, flag in flags.items() if self._flags.get(name) is not flag}
            self._flags = flags
        return values


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

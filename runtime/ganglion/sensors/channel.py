# SPDX-License-Identifier: GPL-3.0-or-later
"""One channel of a sensor at work: which readings become events, what it read last, and its statistics.

No clock, no I/O: time is an argument.
"""

from dataclasses import dataclass

from ganglion.sensors.schedule import Rate, Statistics
from ganglion.sensors.source import Value
from ganglion.units import SECOND

#: Of so many last readings so many at the edge of the range make a calibration degraded.
EDGE_READINGS = 16
EDGE_MOST = 8
#: The share of the range at either end that is its edge.
EDGE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What of a channel's readings becomes events.

    Attributes:
        range: The lowest and the highest value it can have; one outside is refused. None for any.
        max_rate_hz: Events a second at the most; None for every one.
        min_confidence: 0 to 1; a reading that is less sure is no event.
    """

    range: tuple[float, float] | None = None
    max_rate_hz: float | None = None
    min_confidence: float = 0.0


class Channel:
    """One channel.

    Args:
        bounds: Which readings become events.
        now: Monotonic nanoseconds.
        window: Nanoseconds that rates are counted over.

    Attributes:
        value, timestamp: The last that was believed, in ns since the Unix epoch; None before the first.
        statistics: Of the numbers that were believed.
        samples, events: Readings, and events, a second.
        refused: Readings that were outside of the range.
        doubted: Readings that were less sure than `min_confidence`.
        withheld: Readings that were no events, because there had been as many as `max_rate_hz` allows.
        refusal: Why the last reading was not believed, in words; "" where it was.
    """

    __slots__ = (
        "_edge",
        "_period",
        "_theoretical",
        "bounds",
        "doubted",
        "events",
        "refusal",
        "refused",
        "samples",
        "statistics",
        "timestamp",
        "value",
        "withheld",
    )

    def __init__(self, bounds: Bounds, *, now: int, window: int) -> None:
        self.bounds = bounds
        self.value: Value | None = None
        self.timestamp: int | None = None
        self.statistics = Statistics()
        self.samples = Rate(window=window, now=now)
        self.events = Rate(window=window, now=now)
        self.refused = 0
        self.doubted = 0
        self.withheld = 0
        self.refusal = ""
        self._edge = 0
        self._period = round(SECOND / bounds.max_rate_hz) if bounds.max_rate_hz else 0
        self._theoretical = now

    def take(self, value: Value, *, at: int, now: int, confidence: float | None = None) -> bool:
        """Takes a reading; whether it is believed.

        Args:
            at: Nanoseconds since the Unix epoch.
            now: Monotonic nanoseconds.
            confidence: How sure it is, 0 to 1; None where the source does not say.
        """
        self.samples.add(now)
        self.refusal = self._refusal(value, confidence)
        if self.refusal:
            return False
        if not isinstance(value, bool | str):
            self.statistics.add(value)
        self.value, self.timestamp = value, at
        return True

    def forget(self) -> None:
        """It has no value any more."""
        self.value = self.timestamp = None

    def emits(self, now: int) -> bool:
        """Whether the reading that was believed becomes an event.

        The generic cell rate algorithm of ITU-T I.371, with half a period of tolerance: a sensor that is read as often
        as events are allowed loses none to a reading that is a little early.
        """
        if self._period:
            if now < self._theoretical - self._period // 2:
                self.withheld += 1
                return False
            self._theoretical = max(now, self._theoretical) + self._period
        self.events.add(now)
        return True

    def _refusal(self, value: Value, confidence: float | None) -> str:
        bounds = self.bounds
        if bounds.range is not None and not isinstance(value, bool | str):
            low, high = bounds.range
            margin = (high - low) * EDGE
            inside = low + margin < value < high - margin
            self._edge = (self._edge << 1 | (not inside)) & (1 << EDGE_READINGS) - 1
            if not low <= value <= high:
                self.refused += 1
                return f"it reads {value:g}, and its range is {low:g} to {high:g}"
        if confidence is not None and confidence < bounds.min_confidence:
            self.doubted += 1
            return f"it is sure by {confidence:g} only, and min_confidence is {bounds.min_confidence:g}"
        return ""

    @property
    def is_at_edge(self) -> bool:
        """Whether half of the last readings lay outside of the range, or in the outermost hundredth of it."""
        return self._edge.bit_count() >= EDGE_MOST


def calibration_state(channel: Channel, *, is_calibrated: bool, is_unhealthy: bool) -> str:
    """`uncalibrated`, `calibrated`, or `degraded`: calibrated once, and not to be trusted now.

    That is while the sensor is unhealthy (three failures in a row), and while half of the channel's last readings lie
    outside of its range or at the edge of it, where a sensor that drifts or breaks ends up.
    """
    if not is_calibrated:
        return "uncalibrated"
    return "degraded" if is_unhealthy or channel.is_at_edge else "calibrated"

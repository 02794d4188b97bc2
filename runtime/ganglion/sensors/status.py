# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node says of one channel of a sensor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.sensors.schedule import Health
from ganglion.sensors.source import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorStatus:
    """One channel.

    Attributes:
        id: `<name>.<channel>`.
        kind: Of its sensor.
        modality: What its sensor is a sense for: `environment`, `audio`, `system`; "" where nobody says.
        unit: UCUM, "" for a bool.
        type: Of its events; "" for none.
        simulated: Whether it can be set.
        range: The lowest and the highest value that it can have; None for any.
        max_rate_hz: Events a second at the most; None for every reading.
        min_confidence: What is less sure is no event.
        calibration: `calibrated`, `uncalibrated` or `degraded`; `ganglion.sensors.channel` says when.
        every: Nanoseconds between samples, 0 where the source paces itself.
        health: Of its sensor.
        value, timestamp: The last, in ns since the Unix epoch; None before the first.
        error: The sensor's last error in words, else why this channel's last reading was refused; "" after a success.
        errors: Of the sensor since the start.
        missed: Samples that were due while an earlier one still went on.
        count, low, high, mean: Of this channel's values since the start; None before the first, and for a bool.
        samples, events: Readings of this channel, and events, a second, lately.
        refused: Readings outside of the range.
        doubted: Readings below `min_confidence`.
        withheld: Readings above `max_rate_hz`.
    """

    id: str
    kind: str
    modality: str
    unit: str
    type: str
    simulated: bool
    range: tuple[float, float] | None
    max_rate_hz: float | None
    min_confidence: float
    calibration: str
    every: int
    health: Health
    value: Value | None
    timestamp: int | None
    error: str
    errors: int
    missed: int
    count: int
    low: float | None
    high: float | None
    mean: float | None
    samples: float
    events: float
    refused: int
    doubted: int
    withheld: int


def told(values: Mapping[str, Value], units: Mapping[str, str], refusals: Mapping[str, str]) -> dict[str, Any]:
    """What a reading is told as: for each channel `{"value", "unit"}`, with None for one that the sample did not have.

    Args:
        values: Those that are believed.
        units: Channel to UCUM unit, of all that were asked for.
        refusals: Why others were not believed; each becomes an `error` beside its value None.
    """
    found: dict[str, Any] = {}
    for channel, unit in units.items():
        found[channel] = {"value": values.get(channel), "unit": unit}
        if channel not in values and channel in refusals:
            found[channel]["error"] = refusals[channel]
    return found

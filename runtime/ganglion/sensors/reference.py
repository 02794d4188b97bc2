# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a reference point: what a channel reads now, where somebody knows what it should read."""

import asyncio
from collections.abc import Callable

from ganglion.errors import InvalidError
from ganglion.sensors.calibration import Calibration, Point, steady
from ganglion.sensors.registry import Sensors
from ganglion.sensors.sensor import Sensor

#: Readings of a reference, and seconds from one to the next: what drifts must have the time to show it.
READINGS = 8
PAUSE = 0.25


async def taken_now(
    sensors: Sensors,
    sensor: Sensor,
    channel: str,
    reference: float,
    *,
    within: float | None,
    now: Callable[[], int],
    progress: Callable[[int, int], object],
) -> Point:
    """The point.

    Args:
        sensors: Reads the sensor.
        reference: What the channel should read, in its unit.
        within: How far apart the readings may lie; see `steady`.
        now: Nanoseconds since the Unix epoch.
        progress: Called with how many readings of how many there are.

    Raises:
        InvalidError: the channel reads texts.
        RefusedError: the readings are not steady.
        UnreachableError: it cannot be read.
    """
    correction = sensor.calibration.get(channel, Calibration())
    readings: list[float] = []
    while len(readings) < READINGS:
        if readings:
            await asyncio.sleep(PAUSE)
        value = await sensors.read(f"{sensor.name}.{channel}")
        if isinstance(value, str):
            raise InvalidError("reads texts, which have no calibration", where=f"{sensor.name}.{channel}")
        readings.append(correction.raw(value))
        progress(len(readings), READINGS)
    mean, spread = steady(readings, reference, within=within, range=sensor.bounds[channel].range)
    return Point(reference=reference, raw=mean, spread=spread, readings=len(readings), at=now())

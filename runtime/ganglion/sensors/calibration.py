# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibration of a channel: a straight line through its readings, from the configuration or from reference values.

No clock and no I/O: readings and times are arguments.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganglion.errors import InvalidError, RefusedError

#: Without a range, and without a word of the caller's, readings are steady within this share of the largest of them and
#: the reference, or within the least.
_SHARE = 0.005
_LEAST = 0.02
#: Of a range.
_SHARE_OF_RANGE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A straight line through a channel's readings.

    Attributes:
        scale: What a reading is multiplied by.
        offset: What is added then, in the channel's unit.
    """

    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and math.isfinite(self.offset) and self.scale):
            raise ValueError("scale and offset must be finite numbers, and scale not 0")

    def raw(self, value: float) -> float:
        """What was read, where the line makes it `value`."""
        return (value - self.offset) / self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A reference value and what the channel read then.

    Attributes:
        reference: What it should read, in its unit.
        raw: The mean of what it read, before any calibration.
        spread: From the lowest of those readings to the highest.
        readings: How many they were.
        at: When, in nanoseconds since the Unix epoch.
    """

    reference: float
    raw: float
    spread: float
    readings: int
    at: int

    def __post_init__(self) -> None:
        if not all(math.isfinite(each) for each in (self.reference, self.raw, self.spread)):
            raise ValueError("reference, raw and spread must be finite numbers")


def steady(
    readings: Sequence[float], reference: float, *, within: float | None, range: tuple[float, float] | None
) -> tuple[float, float]:
    """Mean and spread of readings that lie close enough to each other.

    Args:
        within: How far the lowest may be from the highest; None for a hundredth of the range, or without one 0.5 % of
            the largest of the readings and the reference, 0.02 at least.
        range: Of the channel.

    Raises:
        RefusedError: they lie farther apart.
    """
    low, high = min(readings), max(readings)
    if within is None:
        largest = max(abs(low), abs(high), abs(reference))
        within = (range[1] - range[0]) * _SHARE_OF_RANGE if range else max(_SHARE * largest, _LEAST)
    if high - low > within:
        raise RefusedError(
            f"the readings are not steady: {low:g} to {high:g}, and {within:g} apart is the most; "
            "wait until they are, or say how far apart they may be (within)"
        )
    return math.fsum(readings) / len(readings), high - low


def within_range(reference: float, range: tuple[float, float] | None, where: str) -> None:
    """Refuses a reference that the channel can never read: corrected to it, every reading would be refused.

    Args:
        range: Of the channel, after calibration; None for any.
        where: The channel.

    Raises:
        InvalidError: it is outside.
    """
    if range is not None and not range[0] <= reference <= range[1]:
        raise InvalidError(
            f"{reference:g} is outside of its range, {range[0]:g} to {range[1]:g}: no reading would be believed any "
            "more; calibrate it by a value inside, or change the range in its table",
            where=where,
        )


def line(points: Sequence[Point], configured: Calibration) -> Calibration:
    """The line through one point, with the scale of the configuration, or through two.

    Raises:
        InvalidError: two points are too close to each other for a line.
    """
    first = points[0]
    if len(points) == 1:
        return _line(configured.scale, first)
    second = points[1]
    apart = abs(second.raw - first.raw)
    if second.reference == first.reference or apart <= first.spread + second.spread:
        raise InvalidError(
            f"the references {first.reference:g} and {second.reference:g} were read as {first.raw:g} and "
            f"{second.raw:g}: two points must be farther apart than the readings of each"
        )
    return _line((second.reference - first.reference) / (second.raw - first.raw), first)


def _line(scale: float, through: Point) -> Calibration:
    try:
        return Calibration(scale=scale, offset=through.reference - scale * through.raw)
    except ValueError as error:
        raise InvalidError(str(error)) from None


def merged(
    configured: Mapping[str, Calibration], taken: Mapping[str, Sequence[Point]], channels: Mapping[str, str]
) -> dict[str, Calibration]:
    """What corrects each channel: the line through its reference points, else what the configuration says.

    Points of channels that are not there any more, and those through which no line goes, change nothing.
    """
    found = {name: each for name, each in configured.items() if name in channels}
    for channel, points in taken.items():
        if channel in channels and points:
            try:
                found[channel] = line(points, configured.get(channel, Calibration()))
            except InvalidError:
                continue
    return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""From a `[sensor.<name>]` table to a sensor: the kind is imported when it is named, and not before."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.sensors.source import Place, Source, Value
from ganglion.settings import nearest, read

#: Kind -> module with `SECTION`, its dataclass, and `source(section, place)`.
KINDS = {
    "audio": "ganglion.sensors.audio",
    "bme280": "ganglion.sensors.bme280",
    "bmp280": "ganglion.sensors.bme280",
    "replay": "ganglion.sensors.replay",
    "system": "ganglion.sensors.system",
    "vision": "ganglion.sensors.vision",
}


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


class Sensor:
    """A source with a name and a calibration; one for each table.

    Args:
        name: Of the table; `<name>.<channel>` is a channel's id.
        kind: One of `KINDS`.
        source: Where its samples come from.
        calibration: Channel to correction.
    """

    def __init__(self, *, name: str, kind: str, source: Source, calibration: Mapping[str, Calibration]) -> None:
        self.name = name
        self.kind = kind
        self.source = source
        self.calibration = calibration

    @property
    def channels(self) -> dict[str, str]:
        """Name to UCUM unit."""
        return dict(self.source.channels)

    def type(self, channel: str) -> str:
        """Of the events of a channel; "" where its source has none."""
        return f"{self.source.branch}.{channel}" if self.source.branch else ""

    @property
    def every(self) -> int:
        """Nanoseconds between samples, 0 where the source paces itself."""
        return self.source.every

    @property
    def simulated(self) -> bool:
        return self.source.simulated

    def sample(self) -> dict[str, Value]:
        """Calibrated values by channel. Blocks; see `Source.sample` for what it raises.

        Raises:
            ValueError: the source read what is no number.
        """
        values: dict[str, Value] = {}
        for channel, value in self.source.sample().items():
            if not isinstance(value, bool):
                if correction := self.calibration.get(channel):
                    value = value * correction.scale + correction.offset
                if not math.isfinite(value):
                    raise ValueError(f"{channel} reads {value}")
            values[channel] = value
        return values

    def set(self, channel: str, value: Value | None) -> None:
        """Makes a simulated sensor read `value`, before calibration, until it is set to None.

        Raises:
            NotFoundError: it has no such channel.
            RefusedError: it is real.
            InvalidError: it could never read that.
        """
        if channel not in self.source.channels:
            raise NotFoundError(f"{self.name} has no channel {channel!r}{nearest(channel, self.source.channels)}")
        if not self.simulated:
            raise RefusedError(f"{self.name} is a real sensor ({self.kind}): only simulated ones can be set")
        try:
            self.source.set(channel, value)
        except (ValueError, TypeError) as error:
            raise InvalidError(str(error), where=f"{self.name}.{channel}") from error


def build(
    name: str,
    table: Mapping[str, Any],
    *,
    where: str = "",
    resolve: Callable[[str], Path] = Path,
    now: Callable[[], int] = time.monotonic_ns,
) -> Sensor:
    """A sensor from its table.

    Args:
        name: The table's name.
        table: `kind` and the keys of that kind's section.
        where: What stands before `sensor.<name>` in a complaint, for example `node.toml: `.
        resolve: Makes the table's paths absolute.
        now: The clock that simulated hardware lives in.

    Raises:
        InvalidError: a key is unknown, missing or wrong; named as `sensor.<name>.<key>`, with the nearest right one.
        NotFoundError: a file that the table names does not exist.
        UsageError: the kind needs an extra that is not installed.
    """
    place = Place(where=f"{where}sensor.{name}", resolve=resolve, now=now)
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        said = "this key is required" if kind is None else f"there is no kind {kind!r}"
        raise InvalidError(f"{said}{nearest(str(kind), KINDS)}", where=f"{place.where}.kind")
    module = import_module(KINDS[kind])
    section = read(module.SECTION, table, place.where)
    source: Source = module.source(section, place)
    return Sensor(name=name, kind=kind, source=source, calibration=_calibrations(section.calibration, source, place))


def _calibrations(table: Mapping[str, Any], source: Source, place: Place) -> dict[str, Calibration]:
    calibrations = {}
    for channel, correction in table.items():
        where = f"{place.where}.calibration.{channel}"
        if channel not in source.channels:
            raise InvalidError(f"no such channel{nearest(channel, source.channels)}", where=where)
        if not isinstance(correction, dict):
            raise InvalidError("must be a table: {scale = 1.0, offset = 0.0}", where=where)
        calibrations[channel] = read(Calibration, correction, where)
    return calibrations

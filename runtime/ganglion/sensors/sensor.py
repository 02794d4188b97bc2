# SPDX-License-Identifier: GPL-3.0-or-later
"""From a `[sensor.<name>]` table to a sensor: the kind is imported when it is named, and not before."""

import math
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError
from ganglion.linux.device import sentence
from ganglion.sensors.addresses import At
from ganglion.sensors.calibration import Calibration
from ganglion.sensors.channel import Bounds
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import choice, nearest, read

#: Kind -> module with `SECTION`, its dataclass (`SECTIONS` by kind where it has several), and `source(section, place)`.
KINDS = {
    "ads1115": "ganglion.sensors.chip",
    "aht20": "ganglion.sensors.chip",
    "analytics": "ganglion.sensors.analytics",
    "audio": "ganglion.sensors.audio",
    "bh1750": "ganglion.sensors.chip",
    "bme280": "ganglion.sensors.chip",
    "bmp280": "ganglion.sensors.chip",
    "dht22": "ganglion.sensors.dht22",
    "ds18b20": "ganglion.sensors.ds18b20",
    "ds3231": "ganglion.sensors.chip",
    "fusion": "ganglion.sensors.fusion",
    "gpio": "ganglion.sensors.gpio",
    "iio": "ganglion.sensors.iio",
    "ina219": "ganglion.sensors.chip",
    "modbus": "ganglion.sensors.modbus",
    "mpu6050": "ganglion.sensors.chip",
    "nmea": "ganglion.sensors.nmea",
    "replay": "ganglion.sensors.replay",
    "sht3x": "ganglion.sensors.chip",
    "system": "ganglion.sensors.system",
    "vision": "ganglion.sensors.vision",
    "vl53l0x": "ganglion.sensors.chip",
}


class Sensor:
    """A source with a name and a calibration; one for each table.

    Args:
        name: Of the table; `<name>.<channel>` is a channel's id.
        kind: One of `KINDS`.
        source: Where its samples come from.
        calibration: Channel to correction.
        bounds: Channel to what of its readings becomes events; a channel that is not in it has no bounds.
        replays: Whether it reads a recording in place of what its kind reads; then nothing is corrected again.
    """

    def __init__(
        self,
        *,
        name: str,
        kind: str,
        source: Source,
        calibration: Mapping[str, Calibration],
        bounds: Mapping[str, Bounds] | None = None,
        replays: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.source = source
        self.calibration = calibration
        self.bounds = {channel: Bounds() for channel in source.channels} | dict(bounds or {})
        self.replays = replays

    @property
    def channels(self) -> dict[str, str]:
        """Name to UCUM unit."""
        return dict(self.source.channels)

    def type(self, channel: str) -> str:
        """Of the events of a channel; "" where its source has none."""
        return f"{self.source.branch}.{channel}" if self.source.branch else ""

    @property
    def modality(self) -> str:
        """What it is a sense for, from its source's branch: `environment`, `audio`, `system`; "" without one."""
        words = self.source.branch.split(".")[2:]
        return words[-1] if words[:1] == ["external"] else "".join(words[:1])

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
        return self.corrected(self.source.sample())

    def corrected(self, read: Mapping[str, Value]) -> dict[str, Value]:
        """Values as the source has them, calibrated.

        Raises:
            ValueError: one is no number.
        """
        values: dict[str, Value] = {}
        for channel, value in read.items():
            if not isinstance(value, bool | str):
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
    state: Callable[[str], Path] = Path,
    remote: bool = False,
    actuators: Mapping[str, At] = MappingProxyType({}),
) -> Sensor:
    """A sensor from its table.

    Args:
        name: The table's name.
        table: `kind` and the keys of that kind's section.
        where: What stands before `sensor.<name>` in a complaint, for example `node.toml: `.
        resolve: Makes the table's paths absolute.
        now: The clock that simulated hardware lives in.
        state: A path of the table in the node's state folder, made absolute.
        remote: Whether the table came from afar; see `Place`.
        actuators: The chips that no sensor speaks to; see `Place`.

    Raises:
        InvalidError: a key is unknown, missing or wrong; named as `sensor.<name>.<key>`, with the nearest right one.
            Or a file cannot be read.
        NotFoundError: a file that the table names does not exist.
        RefusedError: a table from afar names what only the configuration file may.
        UsageError: the kind needs an extra that is not installed.
    """
    replays = table.get("replay") is not None
    place = Place(
        where=f"{where}sensor.{name}",
        resolve=resolve,
        now=now,
        state=state,
        replayed=replays,
        remote=remote,
        actuators=actuators,
    )
    kind = choice(table, "kind", KINDS, place.where)
    module = import_module(KINDS[kind])
    section = read(module.SECTIONS[kind] if hasattr(module, "SECTIONS") else module.SECTION, table, place.where)
    try:
        source: Source = module.source(section, place)
    except GanglionError:
        raise
    except OSError as error:
        raise InvalidError(f"cannot be read: {sentence(error)}", where=place.where) from error
    calibration = _calibrations(section.calibration, source, place)
    bounds = _bounds(section, source, place)
    if replays:
        from ganglion.sensors.replay import replayed

        source, calibration = replayed(source, section, place), {}
    return Sensor(name=name, kind=kind, source=source, calibration=calibration, bounds=bounds, replays=replays)


def _bounds(section: Section, source: Source, place: Place) -> dict[str, Bounds]:
    if (rate := section.max_rate_hz) is not None and not 0 < rate <= 1e6:
        raise InvalidError(f"must be above 0 and at most 1000000, not {rate}", where=f"{place.where}.max_rate_hz")
    if not 0 <= section.min_confidence <= 1:
        raise InvalidError(f"must be 0 to 1, not {section.min_confidence}", where=f"{place.where}.min_confidence")
    if section.min_confidence and not source.confidence:
        said = f"the kind {section.kind} does not say how sure it is"
        raise InvalidError(said, where=f"{place.where}.min_confidence")
    ranges = {channel: each for channel, each in source.ranges.items() if channel in source.channels}
    for channel, given in section.range.items():
        ranges[channel] = _range(channel, given, source, f"{place.where}.range.{channel}")
    return {
        channel: Bounds(
            range=ranges.get(channel),
            max_rate_hz=rate,
            min_confidence=section.min_confidence if channel in source.confidence else 0.0,
        )
        for channel in source.channels
    }


def _range(channel: str, given: Any, source: Source, where: str) -> tuple[float, float]:
    if channel not in source.channels:
        raise InvalidError(f"no such channel{nearest(channel, source.channels)}", where=where)
    match given:
        case [int() | float() as low, int() | float() as high] if math.isfinite(low) and low < high < math.inf:
            return float(low), float(high)
    raise InvalidError(f"must be the lowest and the highest value, as in [-40, 85], not {given!r}", where=where)


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

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sensors a node has: those of its configuration, which can be read again, and those added while it runs.

A sensor that was added, and the reference points of each, are kept in the node's state and are there after a restart.
Of one name the configuration's holds. Reading files and looking for hardware is done on a thread, never on the loop.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from ganglion.config import NAME
from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.sensors.addresses import At
from ganglion.sensors.calibration import Calibration, Point, line, merged, within_range
from ganglion.sensors.computed import parted
from ganglion.sensors.kept import Kept, storable
from ganglion.sensors.reference import taken_now
from ganglion.sensors.registry import Sensors
from ganglion.sensors.sensor import Sensor, build
from ganglion.worker import Worker

_log = logging.getLogger(__name__)

T = TypeVar("T")
Tables = Mapping[str, dict[str, Any]]

#: Sensors that can be added at run time: each has a thread.
MOST_ADDED = 64
#: Seconds that files and devices have while sensors are made.
_PATIENCE = 20.0


class Declared:
    """The sensors of one node.

    Args:
        sensors: Runs them.
        kept: What was added and calibrated.
        tables: Of the configuration.
        load: Reads the configuration again, and may block; raises what `ganglion.config.load` does.
        where: What stands before `sensor.<name>` in a complaint about the configuration.
        resolve: Makes the paths of a table absolute.
        state: Makes paths in the state folder of what a sensor keeps.
        actuators: The chips on I2C buses that are actuators, by name: none of these sensors speaks to those.
        now: Nanoseconds since the Unix epoch.
        changed: Called when there are others.

    Raises:
        GanglionError: a table of the configuration is wrong; see `build`.
    """

    def __init__(
        self,
        sensors: Sensors,
        kept: Kept,
        tables: Tables,
        *,
        load: Callable[[], Tables],
        where: str,
        resolve: Callable[[str], Path],
        state: Callable[[str], Path] = Path,
        actuators: Mapping[str, At] = MappingProxyType({}),
        now: Callable[[], int],
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._sensors = sensors
        self._kept = kept
        self._load = load
        self._where = where
        self._resolve = resolve
        self._build = partial(build, state=state, actuators=dict(actuators))
        self._now = now
        self._tables: dict[str, dict[str, Any]] = {}
        self._configured: dict[str, Mapping[str, Calibration]] = {}
        self._changing = asyncio.Lock()
        self.changed = changed
        built = {name: self._build(name, table, where=where, resolve=resolve) for name, table in tables.items()}
        sensors.change(into=[self._take(name, tables[name], sensor) for name, sensor in built.items()])
        self._take_added(dict(kept.added))

    def _take_added(self, tables: Tables) -> None:
        """Those of before: each that can be there is, whatever is wrong with the others."""
        made: list[Sensor] = []
        for name, table in tables.items():
            if name in self._tables:
                self._give_way(name)
                continue
            try:
                made.append(self._built(name, table))
            except GanglionError as error:
                self._lacks(name, error)
        ready, circling = parted(made)
        for sensor in ready + circling:
            configured, sensor.calibration = sensor.calibration, self._corrected(sensor, sensor.calibration)
            try:
                self._sensors.add(sensor)
            except GanglionError as error:
                self._lacks(sensor.name, error)
            else:
                self._tables[sensor.name], self._configured[sensor.name] = tables[sensor.name], configured

    def _lacks(self, name: str, error: GanglionError) -> None:
        _log.error("%s; the sensor %s, which was added, is not there", error, name)

    @property
    def tables(self) -> Mapping[str, dict[str, Any]]:
        """The tables of all sensors, as they were declared."""
        return self._tables

    def table(self, name: str) -> dict[str, Any]:
        """What a sensor was declared by."""
        return self._tables[name]

    def is_added(self, name: str) -> bool:
        """Whether it was added at run time."""
        return name in self._kept.added

    def points(self, name: str) -> Mapping[str, tuple[Point, ...]]:
        """The reference points of a sensor, by channel."""
        return self._kept.points(name, self._sensors.sensors()[name].kind)

    async def add(self, name: str, table: dict[str, Any]) -> bool:
        """Takes a sensor in while the node runs, in place of one of its name that was added; whether one was.

        Files that the table names must be in the folder of the node's configuration, or below /dev or /sys.

        Raises:
            GanglionError: the table is wrong, see `build`.
            RefusedError: the name is of a sensor of the configuration, a file is elsewhere, or there are too many.
        """
        if not NAME.fullmatch(name):
            raise InvalidError("a name is 1 to 40 letters, digits, _ or -", where="sensor")
        if not storable(table):
            raise InvalidError("holds what is neither text nor number, true or false, list or table", where="table")
        async with self._changing:
            added = self._kept.added
            if name in self._tables and not self.is_added(name):
                raise RefusedError(f"the sensor {name} is the configuration's: change it there, then reload")
            if name not in added and len(added) >= MOST_ADDED:
                raise RefusedError(f"{MOST_ADDED} sensors have been added, which is the most; remove one first")
            sensor = await _aside(partial(self._built, name, table))
            before = self._sensors.sensors().get(name)
            configured = sensor.calibration
            sensor.calibration = self._corrected(sensor, configured)
            self._sensors.change(into=[sensor])
            try:
                self._kept.add(name, table)
            except InvalidError:
                if before is None:
                    self._sensors.change(out=[name])
                else:
                    self._sensors.change(into=[before])
                raise
            self._tables[name], self._configured[name] = table, configured
        self.changed()
        return before is not None

    async def remove(self, name: str) -> None:
        """Stops a sensor that was added at run time, and forgets it with its reference points.

        Raises:
            NotFoundError: there is none of that name.
            RefusedError: it is the configuration's.
            InvalidError: another is computed from it; or it cannot be forgotten, and is there after a restart.
        """
        async with self._changing:
            if not self.is_added(name):
                self._sensors.health(name)
                raise RefusedError(
                    f"the sensor {name} is the configuration's: take it out there and reload, or stop it"
                )
            if name in self._tables:  # it may not have been possible to build it at the start
                await self._sensors.remove(name)
                del self._tables[name], self._configured[name]
            self._kept.remove(name)
        self.changed()

    async def reload(self) -> dict[str, list[str]]:
        """Reads the configuration again. What is as before goes on undisturbed; all or nothing is changed.

        Returns:
            The names that were `added`, `replaced`, `removed` and `unchanged`; of those from the configuration.

        Raises:
            GanglionError: the configuration, or a sensor of it, is wrong; everything goes on as it was.
        """
        async with self._changing:
            before = {name: table for name, table in self._tables.items() if not self.is_added(name)}
            tables, made = await _aside(partial(self._read_again, before))
            replaced = [name for name in made if name in self._tables]
            removed = [name for name in before if name not in tables]
            self._sensors.change(into=made.values(), out=removed)
            for name in removed:
                del self._tables[name], self._configured[name]
            for name, sensor in made.items():
                if self.is_added(name):
                    self._give_way(name)
                self._take(name, tables[name], sensor)
        if made or removed:
            self.changed()
        return {
            "added": sorted(made.keys() - set(replaced)),
            "replaced": sorted(replaced),
            "removed": sorted(removed),
            "unchanged": sorted(tables.keys() - made.keys()),
        }

    def _read_again(self, before: Tables) -> tuple[Tables, dict[str, Sensor]]:
        tables = self._load()
        made = {
            name: self._build(name, table, where=self._where, resolve=self._resolve)
            for name, table in tables.items()
            if before.get(name) != table
        }
        return tables, made

    async def calibrate(
        self,
        name: str,
        channel: str,
        reference: float,
        *,
        second: bool = False,
        within: float | None = None,
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> Calibration:
        """Takes a reference point now, and corrects the channel by it from now on.

        Args:
            reference: What the channel should read, in its unit.
            second: Whether the point of before stays: the line goes through both. Else the scale stays the
                configuration's, and only the offset is another.
            within: How far apart the readings may lie; see `steady`.
            progress: Called with how many readings of how many there are.

        Raises:
            NotFoundError: there is no such channel.
            RefusedError: its readings are not steady, there is no first point, or nothing can be corrected.
            InvalidError: the reference is outside of the channel's range, or the two points are too close to each
                other.
            UnreachableError: it cannot be read.
        """
        async with self._changing:
            sensor = self._correctable(name, channel)
            within_range(reference, sensor.bounds[channel].range, f"{name}.{channel}")
            points = self._kept.points(name, sensor.kind).get(channel, ())
            if second and not points:
                raise RefusedError(f"{name}.{channel} has no first reference point: take that before the second")
            try:
                point = await taken_now(
                    self._sensors, sensor, channel, reference, within=within, now=self._now, progress=progress
                )
            except UnreachableError as error:
                if points and channel in self._sensors.refusals(name):
                    raise RefusedError(f"{error}; have its reference points forgotten first (clear)") from None
                raise
            taken = (points[0], point) if second else (point,)
            corrected = line(taken, self._configured[name].get(channel, Calibration()))
            self._kept.calibrate(name, sensor.kind, channel, taken)
            self._correct(sensor)
            return corrected

    async def clear(self, name: str, channel: str) -> Calibration | None:
        """Forgets the reference points of a channel: what the configuration says holds again; None for nothing.

        Raises:
            NotFoundError: there is no such channel.
        """
        async with self._changing:
            sensor = self._correctable(name, channel)
            self._kept.calibrate(name, sensor.kind, channel, ())
            self._correct(sensor)
            return sensor.calibration.get(channel)

    def _correctable(self, name: str, channel: str) -> Sensor:
        self._sensors.last(f"{name}.{channel}")
        sensor = self._sensors.sensors()[name]
        if not sensor.channels[channel]:
            raise RefusedError(f"{name}.{channel} is true or false: there is nothing to correct")
        if sensor.replays:
            raise RefusedError(f"{name} replays a recording, whose values are corrected already")
        return sensor

    def _take(self, name: str, table: dict[str, Any], sensor: Sensor) -> Sensor:
        self._tables[name] = table
        self._configured[name] = sensor.calibration
        self._correct(sensor)
        return sensor

    def _correct(self, sensor: Sensor) -> None:
        sensor.calibration = self._corrected(sensor, self._configured[sensor.name])

    def _corrected(self, sensor: Sensor, configured: Mapping[str, Calibration]) -> Mapping[str, Calibration]:
        """What the configuration says of a sensor, and its reference points."""
        if sensor.replays:
            return configured
        return merged(configured, self._kept.points(sensor.name, sensor.kind), sensor.channels)

    def _give_way(self, name: str) -> None:
        _log.warning("sensor %s: the configuration's holds, and the one that was added is forgotten", name)
        self._kept.remove(name)

    def _built(self, name: str, table: dict[str, Any]) -> Sensor:
        """A sensor that comes from afar."""
        return self._build(name, table, resolve=self._resolve_inside, remote=True)

    def _resolve_inside(self, name: str) -> Path:
        path, folder = self._resolve(name).resolve(), self._resolve(".").resolve()
        if not any(path.is_relative_to(each) for each in (folder, "/dev", "/sys")):
            raise RefusedError(
                f"{path} is neither in {folder} nor below /dev or /sys: a sensor from afar reads no other"
            )
        return path


async def _aside(function: Callable[[], T]) -> T:
    """What it returns or raises, from a thread that nobody waits for at the end.

    Raises:
        UnreachableError: it takes too long, as on a file system that does not answer.
    """
    worker = Worker("sensors")
    try:
        async with asyncio.timeout(_PATIENCE):
            return await worker.call(function)
    except TimeoutError:
        raise UnreachableError(f"a file or device of the sensors does not answer within {_PATIENCE:g} s") from None
    finally:
        worker.stop()

# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's sensors over the mesh: listed, read, started and stopped, declared anew, calibrated."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh.parameters import takes
from ganglion.mesh.progress import report
from ganglion.sensors import Sensors
from ganglion.sensors.calibration import Calibration
from ganglion.sensors.declared import Declared
from ganglion.sensors.status import told

Params = dict[str, Any]


class Sensed:
    """The sensors of a node, for who asks from afar.

    Args:
        sensors: They.
        declared: Which there are.
        reload: Reads the configuration again, as `Declared.reload`; says what else has changed in it.
    """

    def __init__(
        self, sensors: Sensors, declared: Declared, reload: Callable[[], Awaitable[dict[str, list[str]]]]
    ) -> None:
        self._reload = reload
        self._sensors = sensors
        self._declared = declared

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        on_request("sim.set", self.simulate, summary="have a simulated sensor (sensor) sense a value (value)")
        on_request("sensors.list", self.list, summary="the sensors, their health and last values")
        on_request("sensors.read", self.read, summary="read a sensor or a channel (sensor) now")
        on_request("sensors.inspect", self.inspect, summary="all that is known of the sensors, or of one (sensor)")
        on_request("sensors.start", self.start, summary="read a sensor (sensor) that was stopped")
        on_request("sensors.stop", self.stop, summary="read a sensor (sensor) no more, until the next start")
        on_request("sensors.reload", self.reload, summary="read the sensors of the configuration again")
        on_request("sensors.add", self.add, summary="add a sensor (sensor, table), also for the next start")
        on_request("sensors.remove", self.remove, summary="remove a sensor (sensor) that was added")
        on_request(
            "sensors.calibrate",
            self.calibrate,
            summary="correct a channel (sensor, reference, second, within, clear)",
        )

    @takes()
    async def list(self, params: Params, peer: object) -> dict[str, Any]:
        """`{"sensors": {name: …}}`, each with its channels: unit, last value and its time, calibration."""
        return {"sensors": {name: self._listed(name) for name in self._sensors.sensors()}}

    def _listed(self, name: str) -> dict[str, Any]:
        sensor = self._sensors.sensors()[name]
        status = self._sensors.status_of(name)
        return {
            "kind": sensor.kind,
            "modality": sensor.modality,
            "health": self._sensors.health(name),
            "error": next((each.error for each in status if each.error), ""),
            "added": self._declared.is_added(name),
            "simulated": sensor.simulated,
            "channels": {
                each.id.removeprefix(f"{name}."): {
                    "unit": each.unit,
                    "value": each.value,
                    "timestamp": each.timestamp,
                    "calibration": each.calibration,
                }
                for each in status
            },
        }

    @takes("sensor")
    async def inspect(self, params: Params, peer: object) -> dict[str, Any]:
        """As `list` with all that is known: the table, ranges, rates, statistics, reference points.

        Raises:
            NotFoundError: there is no such sensor.
        """
        names = [_name(params)] if "sensor" in params else [*self._sensors.sensors()]
        return {"sensors": {name: self._inspected(name) for name in names}}

    def _inspected(self, name: str) -> dict[str, Any]:
        status = self._sensors.status_of(name)
        corrections = self._sensors.sensors()[name].calibration
        points = self._declared.points(name)
        channels = {}
        for each in status:
            channel = each.id.removeprefix(f"{name}.")
            of_sensor = ("id", "kind", "modality", "simulated", "every", "health", "error", "errors", "missed")
            told = {key: value for key, value in asdict(each).items() if key not in of_sensor}
            correction = corrections.get(channel)
            channels[channel] = {
                **told,
                "range": None if each.range is None else list(each.range),
                "correction": None if correction is None else asdict(correction),
                "points": [asdict(point) for point in points.get(channel, ())],
            }
        return {
            **self._listed(name),
            "every": status[0].every if status else 0,
            "errors": status[0].errors if status else 0,
            "missed": status[0].missed if status else 0,
            "table": self._declared.table(name),
            "channels": channels,
        }

    @takes("sensor")
    async def read(self, params: Params, peer: object) -> dict[str, Any]:
        """Values taken now: of a channel (`fridge.temperature`), or of all of a sensor (`fridge`), whose channels
        without a value are there too: None, with an `error` where it was refused.

        Raises:
            NotFoundError: there is no such sensor or channel.
            UnreachableError: it is stopped, it fails, or it had no value that can be believed.
        """
        sensor, channel = _split(params)
        if channel:
            values = {channel: await self._sensors.read(f"{sensor}.{channel}")}
        else:
            values = await self._sensors.read_all(sensor)
        units = {each.id.removeprefix(f"{sensor}."): each.unit for each in self._sensors.status_of(sensor)}
        wanted = {channel: units[channel]} if channel else units
        return {"sensor": sensor, "values": told(values, wanted, self._sensors.refusals(sensor))}

    @takes("sensor")
    async def start(self, params: Params, peer: object) -> dict[str, Any]:
        """Begins to read a sensor again.

        Raises:
            NotFoundError: there is no such sensor.
        """
        name = _name(params)
        self._sensors.start(name)
        await asyncio.sleep(0)  # so that it begins, and is not stopped any more
        return {"sensor": name, "health": self._sensors.health(name)}

    @takes("sensor")
    async def stop(self, params: Params, peer: object) -> dict[str, Any]:
        """Stops to read a sensor until it is started, or the node is.

        Raises:
            NotFoundError: there is no such sensor.
        """
        name = _name(params)
        await self._sensors.stop(name)
        return {"sensor": name, "health": self._sensors.health(name)}

    @takes()
    async def reload(self, params: Params, peer: object) -> dict[str, Any]:
        """Reads the configuration's sensors again; under `restart` is what else has changed, and waits for a new start.

        Raises: see `Declared.reload`.
        """
        return dict(await self._reload())

    @takes("sensor", "table")
    async def add(self, params: Params, peer: object) -> dict[str, Any]:
        """Declares a sensor by a table, as it would stand in the configuration. Raises: see `Declared.add`."""
        name, table = _name(params), params.get("table")
        if not isinstance(table, dict) or not all(isinstance(key, str) for key in table):
            raise InvalidError('must be a table, as in {"kind": "system"}', where="table")
        replaced = await self._declared.add(name, table)
        return {"sensor": name, "replaced": replaced}

    @takes("sensor", "value")
    async def simulate(self, params: Params, peer: object) -> dict[str, Any]:
        """Has a simulated sensor sense a value. Raises: see `Sensors.set_simulated`."""
        try:
            sensor, value = params["sensor"], params["value"]
        except KeyError as error:
            raise InvalidError(f"sim.set needs {error.args[0]}", where="params") from None
        self._sensors.set_simulated(sensor, value)
        return {"sensor": sensor, "value": value}

    @takes("sensor")
    async def remove(self, params: Params, peer: object) -> dict[str, Any]:
        """Removes a sensor that was added. Raises: see `Declared.remove`."""
        name = _name(params)
        await self._declared.remove(name)
        return {"sensor": name}

    @takes("sensor", "reference", "second", "within", "clear")
    async def calibrate(self, params: Params, peer: object) -> dict[str, Any]:
        """Takes a reference point of a channel, or forgets those that there are. Raises: see `Declared.calibrate`."""
        sensor, channel = _split(params)
        if not channel:
            raise InvalidError("must name a channel, as in fridge.temperature", where="sensor")
        correction: Calibration | None
        if params.get("clear") is True:
            correction = await self._declared.clear(sensor, channel)
        else:
            within = params.get("within")
            correction = await self._declared.calibrate(
                sensor,
                channel,
                _number(params.get("reference"), "reference"),
                second=params.get("second") is True,
                within=None if within is None else abs(_number(within, "within")),
                progress=lambda done, total: report(done, total=total, text="readings"),
            )
        return {
            "sensor": f"{sensor}.{channel}",
            "correction": None if correction is None else asdict(correction),
            "points": [asdict(point) for point in self._declared.points(sensor).get(channel, ())],
        }


def _name(params: Params) -> str:
    name = params.get("sensor")
    if not isinstance(name, str):
        raise InvalidError("must name a sensor, as in fridge", where="sensor")
    return name


def _split(params: Params) -> tuple[str, str]:
    name = _name(params)
    if len(name) > 200:
        raise NotFoundError("there is no sensor with a name that long")
    sensor, _, channel = name.partition(".")
    return sensor, channel


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidError(f"must be a number, not {value!r}", where=where)
    return float(value)

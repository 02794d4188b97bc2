# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's sensors at work: each read on its own thread when it is due, its values emitted on the bus from the loop.

A sensor that fails is closed, opened again after a wait, and marked; it never takes the node down.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

from ganglion.errors import InvalidError, NotFoundError, UnreachableError
from ganglion.sensors.running import Clock, Emitter, Running, SensorStatus
from ganglion.sensors.sensor import Sensor
from ganglion.sensors.source import Value
from ganglion.settings import nearest


class Sensors:
    """All sensors of a node.

    Args:
        bus: Gets `sensor/<name>/<channel>` with the channel's id as source.
        clock: Stamps the values.
        monotonic: Nanoseconds that the schedules count in.
    """

    def __init__(self, bus: Emitter, clock: Clock, *, monotonic: Callable[[], int] = time.monotonic_ns) -> None:
        self._bus = bus
        self._clock = clock
        self._monotonic = monotonic
        self._sensors: dict[str, Running] = {}
        self._group: asyncio.TaskGroup | None = None

    def add(self, sensor: Sensor) -> None:
        """Takes a sensor in; it is read from now on, or from `run` on.

        Raises:
            InvalidError: there is one of that name.
        """
        if sensor.name in self._sensors:
            raise InvalidError("there is a sensor of that name already", where=f"sensor.{sensor.name}")
        self._sensors[sensor.name] = Running(sensor, self._bus, self._clock, self._monotonic)
        if self._group is not None:
            self.start(sensor.name)

    async def remove(self, name: str) -> None:
        """Stops a sensor and forgets it.

        Raises:
            NotFoundError: there is none of that name.
        """
        await self.stop(name)
        del self._sensors[name]

    async def run(self) -> None:
        """Reads the sensors until it is cancelled, and closes them then."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for name in self._sensors:
                    self.start(name)
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None

    def start(self, name: str) -> None:
        """Begins to read a sensor that was stopped; nothing if it is being read.

        Raises:
            NotFoundError: there is none of that name.
        """
        running = self._named(name)
        if self._group is not None and running.task is None:
            running.task = self._group.create_task(running.run(), name=f"sensor {name}")

    async def stop(self, name: str) -> None:
        """Reads a sensor no more and closes its source; nothing if it is stopped.

        Raises:
            NotFoundError: there is none of that name.
        """
        running = self._named(name)
        if (task := running.task) is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def status(self) -> list[SensorStatus]:
        """Every channel, by name of its sensor."""
        return [status for name in sorted(self._sensors) for status in self._sensors[name].status()]

    def capabilities(self) -> dict[str, dict[str, str]]:
        """Channel id to `{unit, kind}`: what a node says of itself at birth."""
        return {status.id: {"unit": status.unit, "kind": status.kind} for status in self.status()}

    def last(self, sensor_id: str) -> Value | None:
        """The last value of a channel, None before the first.

        Raises:
            NotFoundError: there is no such channel.
        """
        running, channel = self._channel(sensor_id)
        return running.values.get(channel)

    async def read(self, sensor_id: str) -> Value:
        """A value taken now, also emitted as usual; before `run` it waits for that.

        Raises:
            NotFoundError: there is no such channel.
            UnreachableError: the sensor is stopped, or the read failed.
        """
        running, channel = self._channel(sensor_id)
        values = await running.sample_now()
        if channel not in values:
            raise UnreachableError(f"{sensor_id} had no value just now")
        return values[channel]

    def set_simulated(self, sensor_id: str, value: Value | None) -> None:
        """Makes a simulated channel read `value`; None gives it back to its trace.

        Raises:
            NotFoundError: there is no such channel.
            RefusedError: it is real.
            InvalidError: it could never read that.
        """
        running, channel = self._channel(sensor_id)
        running.sensor.set(channel, value)

    def _named(self, name: str) -> Running:
        try:
            return self._sensors[name]
        except KeyError:
            raise NotFoundError(f"there is no sensor {name!r}{nearest(name, self._sensors)}") from None

    def _channel(self, sensor_id: str) -> tuple[Running, str]:
        name, _, channel = sensor_id.partition(".")
        running = self._sensors.get(name)
        if running is None or channel not in running.sensor.channels:
            known = [status.id for status in self.status()]
            raise NotFoundError(f"there is no sensor {sensor_id!r}{nearest(sensor_id, known)}")
        return running, channel

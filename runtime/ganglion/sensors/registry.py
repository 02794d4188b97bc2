# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's sensors at work: each read on its own thread when it is due, its values emitted on the bus from the loop.

A sensor that fails is closed, opened again after a wait, and marked; it never takes the node down.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.sensors import addresses
from ganglion.sensors.computed import Computed, Computing, bind, needs, ordered
from ganglion.sensors.past import Past
from ganglion.sensors.running import Clock, Emitter, Running
from ganglion.sensors.schedule import Health
from ganglion.sensors.sensor import Sensor
from ganglion.sensors.source import Value
from ganglion.sensors.status import SensorStatus
from ganglion.settings import nearest


class Sensors:
    """All sensors of a node.

    Args:
        bus: Gets `sensor/<name>/<channel>` with the channel's id as source.
        clock: Stamps the values.
        monotonic: Nanoseconds that the schedules count in.
        past: What was on a topic before, for sensors that learn from it; None where nothing is kept.
    """

    def __init__(
        self,
        bus: Emitter,
        clock: Clock,
        *,
        monotonic: Callable[[], int] = time.monotonic_ns,
        past: Past | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._monotonic = monotonic
        self._past = past
        self._sensors: dict[str, Running] = {}
        self._group: asyncio.TaskGroup | None = None

    def add(self, sensor: Sensor) -> None:
        """Takes a sensor in; it is read from now on, or from `run` on.

        Raises:
            InvalidError: there is one of that name, or what it is computed from is not there or does not go together.
        """
        if sensor.name in self._sensors:
            raise InvalidError("there is a sensor of that name already", where=f"sensor.{sensor.name}")
        self.change(into=[sensor])

    def change(self, *, into: Iterable[Sensor] = (), out: Iterable[str] = ()) -> None:
        """Takes sensors in and others out, all or none; one of a name that is there takes its place.

        Nothing waits here: what goes is stopped in its own time, and what comes in its place begins after that. All
        others go on undisturbed.

        Raises:
            NotFoundError: there is none of a name.
            InvalidError: a sensor's events would be of another type than those of its name before; or two take one chip
                for different kinds; or what a sensor is computed from is not there then, or does not go together, or is
                computed from that sensor.
        """
        gone = {name: self._named(name) for name in out}
        coming = {sensor.name: sensor for sensor in into}
        self._agree(coming, gone)
        made = {name: self._made(sensor) for name, sensor in coming.items()}
        for name in gone:
            self._sensors.pop(name).cancel()
        for name, running in made.items():
            before = self._sensors.get(name)
            self._sensors[name] = running
            if before is not None:
                before.cancel()
            self._begin(running, None if before is None else before.task)

    def _agree(self, coming: Mapping[str, Sensor], gone: Collection[str]) -> None:
        staying = {name: each.sensor for name, each in self._sensors.items() if name not in gone}
        there = {**staying, **coming}
        for name in gone:
            users = [each for each, sensor in there.items() if name in needs(sensor)]
            if name not in there and users:
                raise InvalidError(
                    f"is an input of {' and '.join(sorted(users))}: take it out of the inputs there first, or remove "
                    "what is computed from it",
                    where=f"sensor.{name}",
                )
        addresses.agree(there.values())
        for sensor in ordered(there.values()):
            bind(sensor, there)

    def _made(self, sensor: Sensor) -> Running:
        try:
            if isinstance(sensor.source, Computed):
                return Computing(sensor, self._bus, self._clock, self._monotonic, self._past)
            return Running(sensor, self._bus, self._clock, self._monotonic)
        except ValueError as error:
            said = f"{error}: give it another name, or start the node again"
            raise InvalidError(said, where=f"sensor.{sensor.name}") from None

    async def remove(self, name: str) -> None:
        """Stops a sensor and forgets it.

        Raises:
            NotFoundError: there is none of that name.
            InvalidError: another is computed from it.
        """
        self._agree({}, [name])
        await self.stop(name)
        self.change(out=[name])

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
        if running.task is None or running.is_ending:
            self._begin(running, running.task)

    def _begin(self, running: Running, before: asyncio.Task[None] | None) -> None:
        if self._group is not None:
            running.task = self._group.create_task(running.run(before), name=f"sensor {running.sensor.name}")

    async def stop(self, name: str) -> None:
        """Reads a sensor no more and closes its source; nothing if it is stopped. A read that hangs is left behind.

        Raises:
            NotFoundError: there is none of that name.
        """
        running = self._named(name)
        if (task := running.task) is not None:
            running.cancel()
            await asyncio.wait({task})

    def sensors(self) -> Mapping[str, Sensor]:
        """They, by name."""
        return {name: self._sensors[name].sensor for name in sorted(self._sensors)}

    def status(self) -> list[SensorStatus]:
        """Every channel, by name of its sensor."""
        return [status for name in sorted(self._sensors) for status in self._sensors[name].status()]

    def status_of(self, name: str) -> list[SensorStatus]:
        """Every channel of a sensor.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._named(name).status()

    def health(self, name: str) -> Health:
        """How a sensor is.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._named(name).health

    def refusals(self, name: str) -> dict[str, str]:
        """Channel to why its last reading was not believed; of those of which that is so.

        Raises:
            NotFoundError: there is none of that name.
        """
        channels = self._named(name).channels
        return {channel: each.refusal for channel, each in channels.items() if each.refusal}

    def is_warming_up(self, name: str) -> bool:
        """Whether a computed sensor has not heard enough yet to say anything, which is no failure.

        Raises:
            NotFoundError: there is none of that name.
        """
        running = self._named(name)
        source = running.sensor.source
        return isinstance(source, Computed) and source.patience is None and running.health is Health.STARTING

    def capabilities(self) -> dict[str, dict[str, str]]:
        """Channel id to `{unit, kind}`: what a node says of itself at birth."""
        return {status.id: {"unit": status.unit, "kind": status.kind} for status in self.status()}

    def last(self, sensor_id: str) -> Value | None:
        """The last value of a channel, None before the first.

        Raises:
            NotFoundError: there is no such channel.
        """
        running, channel = self._channel(sensor_id)
        return running.channels[channel].value

    async def read(self, sensor_id: str) -> Value:
        """A value taken now, also emitted as usual; before `run` it waits for that.

        Raises:
            NotFoundError: there is no such channel.
            UnreachableError: the sensor is stopped, the read failed, or what it read is not believed.
        """
        running, channel = self._channel(sensor_id)
        value = await running.value_now(channel)
        if value is None:
            why = running.channels[channel].refusal
            raise UnreachableError(f"{sensor_id} had no value just now{f': {why}' if why else ''}")
        return value

    async def read_all(self, name: str) -> dict[str, Value]:
        """Values of all channels of a sensor that are believed, taken now and emitted as usual.

        Raises:
            NotFoundError: there is no such sensor.
            UnreachableError: it is stopped, or the read failed.
        """
        return await self._named(name).sample_now()

    def set_simulated(self, sensor_id: str, value: Value | None) -> None:
        """Makes a simulated channel read `value`; None gives it back to its trace.

        Raises:
            NotFoundError: there is no such channel.
            RefusedError: it is real, or computed.
            InvalidError: it could never read that.
        """
        running, channel = self._channel(sensor_id)
        if isinstance(source := running.sensor.source, Computed):
            inputs = ", ".join(source.inputs)
            name, kind = running.sensor.name, running.sensor.kind
            raise RefusedError(f"{name} is computed ({kind}) from {inputs}: set that, if it is simulated")
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

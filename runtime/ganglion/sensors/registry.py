# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's sensors at work: each read on its own thread when it is due, its values emitted on the bus from the loop.

A sensor that fails is closed, opened again after a wait, and marked; it never takes the node down.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import InvalidError, NotFoundError, UnreachableError
from ganglion.sensors.schedule import Health, Schedule, Statistics
from ganglion.sensors.sensor import Sensor
from ganglion.sensors.source import Value
from ganglion.settings import nearest
from ganglion.worker import Worker

_log = logging.getLogger(__name__)

#: A read that takes longer than this and than two periods hangs: the sensor is marked while it does.
_HANGS = 5_000_000_000
#: Seconds that a source is given to stop reading and to close.
_GRACE = 2.0


class Emitter(Protocol):
    """What is asked of the bus."""

    def topic(self, name: str) -> int: ...
    def emit(self, topic: int | str, value: Any, *, timestamp: int, source: str = ...) -> Any: ...


class Clock(Protocol):
    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorStatus:
    """One channel.

    Attributes:
        id: `<name>.<channel>`.
        kind: Of its sensor.
        unit: UCUM, "" for a bool.
        simulated: Whether it can be set.
        calibration: `calibrated` or `uncalibrated`.
        every: Nanoseconds between samples, 0 where the source paces itself.
        health: Of its sensor.
        value, timestamp: The last, in ns since the Unix epoch; None before the first.
        error: The sensor's last error in words, "" after a success.
        errors: Of the sensor since the start.
        missed: Samples that were due while an earlier one still went on.
        count, low, high, mean: Of this channel's values since the start; None before the first, and for a bool.
    """

    id: str
    kind: str
    unit: str
    simulated: bool
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
        self._sensors: dict[str, _Running] = {}
        self._group: asyncio.TaskGroup | None = None

    def add(self, sensor: Sensor) -> None:
        """Takes a sensor in; it is read from now on, or from `run` on.

        Raises:
            InvalidError: there is one of that name.
        """
        if sensor.name in self._sensors:
            raise InvalidError("there is a sensor of that name already", where=f"sensor.{sensor.name}")
        self._sensors[sensor.name] = _Running(sensor, self._bus, self._clock, self._monotonic)
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

    def _named(self, name: str) -> "_Running":
        try:
            return self._sensors[name]
        except KeyError:
            raise NotFoundError(f"there is no sensor {name!r}{nearest(name, self._sensors)}") from None

    def _channel(self, sensor_id: str) -> "tuple[_Running, str]":
        name, _, channel = sensor_id.partition(".")
        running = self._sensors.get(name)
        if running is None or channel not in running.sensor.channels:
            known = [status.id for status in self.status()]
            raise NotFoundError(f"there is no sensor {sensor_id!r}{nearest(sensor_id, known)}")
        return running, channel


class _Running:
    """One sensor with its thread, its schedule and what it read last."""

    def __init__(self, sensor: Sensor, bus: Emitter, clock: Clock, monotonic: Callable[[], int]) -> None:
        self.sensor = sensor
        self.task: asyncio.Task[None] | None = None
        self.values: dict[str, Value] = {}
        self._bus = bus
        self._clock = clock
        self._monotonic = monotonic
        self._schedule = Schedule(every=sensor.every, now=monotonic())
        self._timestamps: dict[str, int] = {}
        self._statistics = {channel: Statistics() for channel in sensor.channels}
        self._topics = {
            channel: (bus.topic(f"sensor/{sensor.name}/{channel}"), f"{sensor.name}.{channel}")
            for channel in sensor.channels
        }
        self._error = ""
        self._open = False
        self._asked = asyncio.Event()
        self._askers: list[asyncio.Future[dict[str, Value]]] = []

    async def run(self) -> None:
        worker = Worker(f"sensor {self.sensor.name}")
        self._schedule.due = self._monotonic()
        self._schedule.health = Health.STARTING
        try:
            while True:
                await self._until_due()
                await self._sample(worker)
        finally:
            self.task = None
            self._schedule.health = Health.STOPPED
            self._answer(error="it was stopped")
            self.sensor.source.interrupt()
            await asyncio.wait({worker.call(self._close)}, timeout=_GRACE)
            worker.stop()

    async def sample_now(self) -> dict[str, Value]:
        if self._schedule.health is Health.STOPPED:
            raise UnreachableError(f"sensor {self.sensor.name} is stopped")
        future: asyncio.Future[dict[str, Value]] = asyncio.get_running_loop().create_future()
        self._askers.append(future)
        self._asked.set()
        return await future

    def status(self) -> list[SensorStatus]:
        sensor, schedule = self.sensor, self._schedule
        return [
            SensorStatus(
                id=f"{sensor.name}.{channel}",
                kind=sensor.kind,
                unit=unit,
                simulated=sensor.simulated,
                calibration="calibrated" if channel in sensor.calibration else "uncalibrated",
                every=sensor.every,
                health=schedule.health,
                value=self.values.get(channel),
                timestamp=self._timestamps.get(channel),
                error=self._error,
                errors=schedule.errors,
                missed=schedule.missed,
                count=self._statistics[channel].count,
                low=self._statistics[channel].low,
                high=self._statistics[channel].high,
                mean=self._statistics[channel].mean,
            )
            for channel, unit in sensor.channels.items()
        ]

    async def _until_due(self) -> None:
        wait = (self._schedule.due - self._monotonic()) / 1e9
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), wait)
        self._asked.clear()

    async def _sample(self, worker: Worker) -> None:
        future = worker.call(self._take)
        hangs = max(_HANGS, 2 * self.sensor.every)
        if not (await asyncio.wait({future}, timeout=hangs / 1e9))[0]:
            self._failed(f"has not answered for {hangs // 1_000_000_000} s")
        try:
            values, timestamp = await future
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the edge: whatever a driver raises is this sensor's trouble alone
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("sensor %s", self.sensor.name, exc_info=error)
            self._failed(str(error) or type(error).__name__)
            return
        self._succeeded(values, timestamp)

    def _take(self) -> tuple[dict[str, Value], int]:
        """On the worker's thread."""
        if not self._open:
            self.sensor.source.close()
            self.sensor.source.open()
            self._open = True
        try:
            values = self.sensor.sample()
        except BaseException:
            self._open = False
            raise
        return values, self._clock.now()

    def _close(self) -> None:
        """On the worker's thread."""
        self._open = False
        self.sensor.source.close()

    def _succeeded(self, values: dict[str, Value], timestamp: int) -> None:
        if self._schedule.succeeded(self._monotonic()) in (Health.FAILING, Health.UNHEALTHY):
            _log.info("sensor %s answers again", self.sensor.name)
        self._error = ""
        self.values.update(values)
        for channel, value in values.items():
            self._timestamps[channel] = timestamp
            if not isinstance(value, bool):
                self._statistics[channel].add(value)
            topic, source = self._topics[channel]
            self._bus.emit(topic, value, timestamp=timestamp, source=source)
        self._answer(values=values)

    def _failed(self, error: str) -> None:
        before = self._schedule.failed(self._monotonic())
        if self._schedule.health is not before:
            _log.warning("sensor %s is %s: %s", self.sensor.name, self._schedule.health, error)
        self._error = error
        self._answer(error=error)

    def _answer(self, *, values: dict[str, Value] | None = None, error: str = "") -> None:
        askers, self._askers = self._askers, []
        for future in askers:
            if future.done():
                continue
            if values is not None:
                future.set_result(values)
            else:
                future.set_exception(UnreachableError(f"sensor {self.sensor.name}: {error}"))

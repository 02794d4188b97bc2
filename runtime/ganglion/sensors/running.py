# SPDX-License-Identifier: GPL-3.0-or-later
"""One sensor at work: its thread, its schedule, what it read last. A failure is marked and waited out, never raised."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import UnreachableError
from ganglion.sensors.schedule import Health, Schedule, Statistics
from ganglion.sensors.sensor import Sensor
from ganglion.sensors.source import Value
from ganglion.worker import Worker

_log = logging.getLogger(__name__)

#: A read that takes longer than this and than two periods hangs: the sensor is marked while it does.
_HANGS = 5_000_000_000
#: Seconds that a source is given to stop reading and to close.
_GRACE = 2.0


class Emitter(Protocol):
    """What is asked of the bus."""

    def topic(self, name: str, *, type: str = "") -> int: ...
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


class Running:
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
            channel: (
                bus.topic(f"sensor/{sensor.name}/{channel}", type=sensor.type(channel)),
                f"{sensor.name}.{channel}",
            )
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
        try:
            if not (await asyncio.wait({future}, timeout=hangs / 1e9))[0]:
                self._failed(f"has not answered for {hangs // 1_000_000_000} s")
            values, timestamp = await future
        except asyncio.CancelledError:
            future.cancel()  # the read may go on and fail: nobody asks any more
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

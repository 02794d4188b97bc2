# SPDX-License-Identifier: GPL-3.0-or-later
"""One sensor at work: its thread, its schedule, what it read last. A failure is marked and waited out, never raised."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ganglion.errors import UnreachableError
from ganglion.event import Event
from ganglion.linux.device import sentence
from ganglion.sensors.channel import Channel, calibration_state
from ganglion.sensors.paced import FAST, Paced, Sample
from ganglion.sensors.schedule import Health, Schedule
from ganglion.sensors.sensor import Sensor
from ganglion.sensors.source import Value
from ganglion.sensors.status import SensorStatus
from ganglion.worker import Worker

T = TypeVar("T")
#: Who waits for a sample.
_Askers = list[asyncio.Future[dict[str, Value]]]

_log = logging.getLogger(__name__)

#: A read that takes longer than this and than two periods hangs: the sensor is marked while it does.
_HANGS = 5_000_000_000
#: Nanoseconds in which a channel comes that is not in each sample.
_NEXT = 5_000_000_000
#: Seconds that a source is given to stop reading and to close.
_GRACE = 2.0
#: Nanoseconds that rates are counted over, and periods of a sensor that is read more seldom.
_WINDOW = 10_000_000_000
_PERIODS = 10
#: Rows that the thread of a fast sensor may be ahead.
_AHEAD = 5


class Emitter(Protocol):
    """What is asked of the bus."""

    def topic(self, name: str, *, type: str = "") -> int: ...
    def emit(self, topic: int | str, value: Any, *, timestamp: int, source: str = ...) -> Any: ...
    def subscribe(self, filter: str, callback: Callable[[Event], None]) -> Any: ...


class Clock(Protocol):
    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
        ...


class Running:
    """One sensor with its thread, its schedule and what it read last.

    Raises:
        ValueError: the bus knows its topics with another type.
    """

    def __init__(self, sensor: Sensor, bus: Emitter, clock: Clock, monotonic: Callable[[], int]) -> None:
        self.sensor = sensor
        self.task: asyncio.Task[None] | None = None
        self._cancelled: asyncio.Task[None] | None = None
        self._bus = bus
        self._clock = clock
        self._monotonic = monotonic
        now = monotonic()
        self._schedule = Schedule(every=sensor.every, now=now)
        window = max(_WINDOW, _PERIODS * sensor.every)
        self.channels = {
            channel: Channel(sensor.bounds[channel], now=now, window=window) for channel in sensor.channels
        }
        self._topics = {
            channel: (
                bus.topic(f"sensor/{sensor.name}/{channel}", type=sensor.type(channel)),
                f"{sensor.name}.{channel}",
            )
            for channel in sensor.channels
        }
        self._confidence = sensor.source.confidence
        self._error = ""
        self._open = False
        self._hangs = False
        self._closing: asyncio.Future[None] | None = None
        self._asked = asyncio.Event()
        self._askers: _Askers = []
        self._answering: _Askers = []
        self._wanting: list[tuple[str, asyncio.Future[Value | None]]] = []

    async def run(self, before: asyncio.Task[None] | None = None) -> None:
        """Reads until it is cancelled.

        Args:
            before: What has the same hardware and is being stopped; nothing is read until it has ended.
        """
        try:
            if before is not None:
                await self._after(before)
            await self._closed()
            await self._read()
        finally:
            self._schedule.health = Health.STOPPED
            self._answer(error="it was stopped")
            if self.task is asyncio.current_task():
                self.task = None

    async def _after(self, before: asyncio.Task[None]) -> None:
        """Returns when that has ended; also where this is cancelled meanwhile, for who follows waits for this."""
        try:
            await asyncio.wait({before})
        except asyncio.CancelledError:
            await asyncio.wait({before}, timeout=2 * _GRACE)
            raise

    async def _closed(self) -> None:
        """Returns when the source is closed: two threads in one driver would read each other's answers."""
        while self._closing is not None and not self._closing.done():
            if not (await asyncio.wait({self._closing}, timeout=_GRACE))[0]:
                self._error = "its last read has not come back"
        self._closing = None

    async def _read(self) -> None:
        worker = Worker(f"sensor {self.sensor.name}")
        self._schedule.due = self._monotonic()
        self._schedule.health = Health.STARTING
        try:
            while True:
                await self._until_due()
                if self.sensor.source.in_rows or 0 < self.sensor.every <= FAST:
                    await self._flow(worker)
                else:
                    await self._sample(worker)
        finally:
            self._schedule.health = Health.STOPPED
            self.sensor.source.interrupt()
            self._closing = worker.call(self._close)
            self._closing.add_done_callback(_look)
            worker.stop()
            await asyncio.wait({self._closing}, timeout=_GRACE)

    def cancel(self) -> None:
        """Has it stop, once: its end is not ended in turn."""
        if self.task is not None and not self.is_ending:
            self._cancelled = self.task
            self.task.cancel()

    @property
    def is_ending(self) -> bool:
        """Whether it was told to stop. `Task.cancelling` would not do: an `asyncio.timeout` that passes cancels too."""
        return self.task is not None and (self._cancelled is self.task or self.task.done())

    async def sample_now(self) -> dict[str, Value]:
        """The values of a sample that is taken now, those that are believed.

        Raises:
            UnreachableError: the sensor is stopped, hangs, or fails.
        """
        if self._schedule.health is Health.STOPPED:
            raise UnreachableError(f"sensor {self.sensor.name} is stopped")
        if self._hangs:
            raise UnreachableError(f"sensor {self.sensor.name}: {self._error}")
        if self.sensor.source.holds and self.health is Health.OK and (held := self._believed()):
            return held
        future: asyncio.Future[dict[str, Value]] = asyncio.get_running_loop().create_future()
        self._askers.append(future)
        self._asked.set()
        return await future

    async def value_now(self, channel: str) -> Value | None:
        """The value of a channel in a sample that is taken now, or in one of the next, for not each has all channels;
        None where it is not believed, or none of 5 s has it.

        Raises: see `sample_now`.
        """
        values = await self.sample_now()
        if channel in values or self.channels[channel].refusal or self.sensor.every >= _NEXT:
            return values.get(channel)
        future: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._wanting.append((channel, future))
        try:
            done, _ = await asyncio.wait({future}, timeout=_NEXT / 1e9)
        finally:
            self._wanting = [each for each in self._wanting if each[1] is not future]
        return future.result() if done else None

    def _believed(self) -> dict[str, Value]:
        return {name: each.value for name, each in self.channels.items() if each.value is not None}

    @property
    def health(self) -> Health:
        return self._schedule.health

    def status(self) -> list[SensorStatus]:
        """Every channel."""
        now = self._monotonic()
        return [self._status(name, channel, now) for name, channel in self.channels.items()]

    def _status(self, name: str, channel: Channel, now: int) -> SensorStatus:
        sensor, schedule, statistics = self.sensor, self._schedule, channel.statistics
        calibration = calibration_state(
            channel, is_calibrated=name in sensor.calibration, is_unhealthy=schedule.health is Health.UNHEALTHY
        )
        return SensorStatus(
            id=f"{sensor.name}.{name}",
            kind=sensor.kind,
            modality=sensor.modality,
            unit=sensor.channels[name],
            type=sensor.type(name),
            simulated=sensor.simulated,
            range=channel.bounds.range,
            max_rate_hz=channel.bounds.max_rate_hz,
            min_confidence=channel.bounds.min_confidence,
            calibration=calibration,
            every=sensor.every,
            health=schedule.health,
            value=channel.value,
            timestamp=channel.timestamp,
            error=self._error or channel.refusal,
            errors=schedule.errors,
            missed=schedule.missed + sensor.source.missed,
            count=statistics.count,
            low=statistics.low,
            high=statistics.high,
            mean=statistics.mean,
            samples=channel.samples.per_second(now),
            events=channel.events.per_second(now),
            refused=channel.refused,
            doubted=channel.doubted,
            withheld=channel.withheld,
        )

    async def _until_due(self) -> None:
        wait = (self._schedule.due - self._monotonic()) / 1e9
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):  # not `wait_for`: before Python 3.12 it may swallow a cancellation
                    await self._asked.wait()
        self._asked.clear()

    async def _sample(self, worker: Worker) -> None:
        # Who asks from now on wants what is read after that, and not what is being read already
        self._answering, self._askers = self._askers, []
        if (sample := await self._outcome(worker.call(self._take))) is not None:
            self._well(self._schedule.succeeded(self._monotonic()))
            values = self._tell(*sample)
            if self.sensor.source.holds:  # for who has asked meanwhile too: the next may come in an hour
                self._answering, self._askers = [*self._answering, *self._askers], []
                values = self._believed()
            self._answer(values=values)

    async def _flow(self, worker: Worker) -> None:
        """Reads a fast sensor until it fails. The thread has its next rows before it has read one, so that it goes on
        while the loop is busy, and no sample is lost by that."""
        paced = Paced(self._take, every=self.sensor.every, monotonic=self._monotonic)
        before = self._schedule.missed

        def begin() -> "tuple[asyncio.Future[list[Sample]], _Askers]":
            askers, self._askers = self._askers, []
            return worker.call(paced.row), askers

        ahead = deque(begin() for _ in range(_AHEAD))
        try:
            while True:
                future, self._answering = ahead.popleft()
                if (row := await self._outcome(future)) is None:
                    return
                ahead.append(begin())
                self._schedule.missed = before + paced.missed
                self._well(self._schedule.answered())
                for sample in row:
                    self._answer(values=self._tell(*sample))
        finally:
            paced.end()
            for future, askers in ahead:
                future.cancel()
                self._askers += askers

    async def _outcome(self, future: "asyncio.Future[T]") -> "T | None":
        """What the thread has read; None where it failed, which is marked then."""
        hangs = max(_HANGS, 2 * self.sensor.every)
        patience = None if self.sensor.source.holds else hangs / 1e9
        try:
            if not (await asyncio.wait({future}, timeout=patience))[0]:
                self._hangs = True
                lacks = self.sensor.source.lacks
                self._failed(f"has not answered for {hangs // 1_000_000_000} s" + (f": {lacks}" if lacks else ""))
            return await future
        except asyncio.CancelledError:
            future.cancel()  # the read may go on and fail: nobody asks any more
            raise
        except Exception as error:  # the edge: whatever a driver raises is this sensor's trouble alone
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("sensor %s", self.sensor.name, exc_info=error)
            self._failed(sentence(error))
            return None
        finally:
            self._hangs = False

    def _take(self) -> Sample:
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
        age = self.sensor.source.age
        return Sample(values, self._clock.now() - age, self._monotonic() - age)

    def _close(self) -> None:
        """On the worker's thread."""
        self._open = False
        self.sensor.source.close()

    def _well(self, before: Health) -> None:
        if before in (Health.FAILING, Health.UNHEALTHY):
            _log.info("sensor %s answers again", self.sensor.name)
        self._error = ""

    def _tell(self, values: dict[str, Value], timestamp: int, now: int) -> dict[str, Value]:
        """Emits what is to be an event; the values that are believed.

        Args:
            timestamp: Of the sample, in nanoseconds since the Unix epoch.
            now: Of the sample, in monotonic nanoseconds: samples of a row come together, and were not taken so.
        """
        believed = {}
        for name, value in values.items():
            channel = self.channels[name]
            said = values.get(self._confidence.get(name, ""))
            confidence = said if isinstance(said, int | float) else None
            if not channel.take(value, at=timestamp, now=now, confidence=confidence):
                continue
            believed[name] = value
            if channel.emits(now):
                topic, source = self._topics[name]
                self._bus.emit(topic, value, timestamp=timestamp, source=source)
        for name, future in self._wanting:
            if name in values and not future.done():
                future.set_result(believed.get(name))
        return believed

    def _failed(self, error: str) -> None:
        before = self._schedule.failed(self._monotonic())
        if self._schedule.health is not before:
            _log.warning("sensor %s is %s: %s", self.sensor.name, self._schedule.health, error)
        self._error = error
        self._answer(error=error)

    def _answer(self, *, values: dict[str, Value] | None = None, error: str = "") -> None:
        answering, self._answering = self._answering, []
        if values is None:
            answering, self._askers = [*answering, *self._askers], []
            for _, wanting in self._wanting:
                if not wanting.done():
                    wanting.set_exception(UnreachableError(f"sensor {self.sensor.name}: {error}"))
        for future in answering:
            if future.done():
                continue
            if values is not None:
                future.set_result(values)
            else:
                future.set_exception(UnreachableError(f"sensor {self.sensor.name}: {error}"))


def _look(closing: "asyncio.Future[None]") -> None:
    """A driver that fails to close has said why where nobody can do anything about it."""
    if not closing.cancelled() and (error := closing.exception()) is not None:
        _log.debug("a sensor's source did not close", exc_info=error)

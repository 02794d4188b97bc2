# SPDX-License-Identifier: GPL-3.0-or-later
"""Sensors that are computed from other channels: told of events as they come, on the loop; they have no thread."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from ganglion.errors import InvalidError, UnreachableError
from ganglion.event import Event
from ganglion.sensors.past import Past, Readings, recall
from ganglion.sensors.running import Clock, Emitter, Running
from ganglion.sensors.schedule import Health
from ganglion.sensors.sensor import Sensor
from ganglion.sensors.source import Source, Value
from ganglion.settings import nearest
from ganglion_micro.topic import is_name

_ID = re.compile(r"([A-Za-z0-9_-]{1,40})\.([^/+#]+)")
_TOPIC = re.compile(r"sensor/([A-Za-z0-9_-]{1,40})/([^/]+)")


class Outcome(NamedTuple):
    """What was computed.

    Attributes:
        values: By channel, of those that have one now.
        why: Why there is nothing to say; "" where all is well.
    """

    values: Mapping[str, Value]
    why: str = ""


class Computed(Source):
    """A source that is told what others read. Everything is called on the loop, and nothing blocks.

    Attributes:
        inputs: Ids of channels of this node, as in `fridge.temperature`, or other topics of its bus.
        places: Where each of them stands in the configuration.
        patience: Nanoseconds from the start in which it may have nothing to say; None for ever.
        held: Channels that have no value while there is nothing to say.
        learns: Whether it can learn from what its input was before.
    """

    every = 0
    inputs: Sequence[str]
    places: Sequence[str]
    patience: int | None = None
    held: Sequence[str] = ()
    learns: bool = False

    def bind(self, units: Sequence[str | None]) -> None:
        """Learns the UCUM units of its inputs, "" for a bool, None where nobody here knows it.

        Raises:
            InvalidError: they do not go together.
        """

    def hear(self, at: int, value: Any, timestamp: int, now: int) -> None:
        """A reading of the input number `at`."""
        raise NotImplementedError

    def compute(self, now: int) -> Outcome:
        """What comes of what it heard."""
        raise NotImplementedError

    def learnt(self, readings: Readings) -> Callable[[], None] | None:
        """What can be learnt of the first input from before: what takes it over, on the loop; None for nothing.

        On another thread, and while anything else may be called: it changes nothing itself.
        """
        return None

    def deadline(self, now: int) -> int | None:
        """When something else will come of it, though nothing is heard; None for never."""
        return None


def channel(text: str, where: str) -> str:
    """An input as its table names it: the id of a channel of this node, also where its topic is given, or a topic.

    Raises:
        InvalidError: it is neither.
    """
    if found := _TOPIC.fullmatch(text):
        return f"{found[1]}.{found[2]}"
    if ("/" in text and is_name(text)) or _ID.fullmatch(text):
        return text
    raise InvalidError(
        f"{text!r} is no channel of this node, as in fridge.temperature, and no topic of its bus", where=where
    )


def ordered(sensors: Iterable[Sensor]) -> list[Sensor]:
    """The same sensors, each behind those that it is computed from.

    Raises:
        InvalidError: some are computed from one another, in a circle; the message names them.
    """
    named = {sensor.name: sensor for sensor in sensors}
    graph = {name: [each for each in needs(sensor) if each in named] for name, sensor in named.items()}
    try:
        return [named[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        source = named[circle[0]].source
        assert isinstance(source, Computed)
        raise InvalidError(
            f"is computed in a circle: {' from '.join(circle)}; take one of them out of the inputs of another",
            where=source.places[0],
        ) from None


def parted(sensors: Iterable[Sensor]) -> tuple[list[Sensor], list[Sensor]]:
    """The sensors, each behind those of them that it is computed from; and those in a circle or behind one."""
    waiting = {sensor.name: sensor for sensor in sensors}
    found: list[Sensor] = []
    while free := [name for name in waiting if waiting.keys().isdisjoint(needs(waiting[name]))]:
        found += [waiting.pop(name) for name in free]
    return found, [*waiting.values()]


def bind(sensor: Sensor, others: Mapping[str, Sensor]) -> None:
    """Has a computed sensor learn the units of its inputs; nothing for any other sensor.

    Raises:
        InvalidError: an input is a channel that is not there, or the units do not go together; or there is a circle.
    """
    source = sensor.source
    if not isinstance(source, Computed):
        return
    ordered([*(other for other in others.values() if other.name != sensor.name), sensor])
    units: list[str | None] = []
    known = {f"{name}.{each}": unit for name, other in others.items() for each, unit in other.channels.items()}
    for text, where in zip(source.inputs, source.places, strict=True):
        if "/" not in text and text not in known:
            raise InvalidError(f"there is no channel {text!r}{nearest(text, known)}", where=where)
        units.append(known.get(text))
    source.bind(units)


def needs(sensor: Sensor) -> list[str]:
    """Names of the sensors of its node that it is computed from."""
    source = sensor.source
    return [each.partition(".")[0] for each in source.inputs if "/" not in each] if isinstance(source, Computed) else []


class Computing(Running):
    """A computed sensor at work."""

    def __init__(
        self, sensor: Sensor, bus: Emitter, clock: Clock, monotonic: Callable[[], int], past: Past | None = None
    ) -> None:
        super().__init__(sensor, bus, clock, monotonic)
        self._past = past
        self._begun = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0

    async def _read(self) -> None:
        """Computes with each reading that comes, and when one becomes too old, until it is cancelled."""
        self._schedule.health = Health.STARTING
        self._error = ""
        self._timer = None
        source = self._computed
        if self._past is not None and source.learns:
            await recall(self._past, _topic(source.inputs[0]), source.learnt, name=self.sensor.name)
        self._began = self._monotonic()
        self._begun.clear()
        subscriptions = [self._bus.subscribe(_topic(each), self._hearing(at)) for at, each in enumerate(source.inputs)]
        try:
            source.open()
            self._compute()
            await asyncio.get_running_loop().create_future()
        finally:
            self._schedule.health = Health.STOPPED
            for subscription in subscriptions:
                subscription.close()
            if self._timer is not None:
                self._timer.cancel()
            source.close()
            self._begun.set()

    async def sample_now(self) -> dict[str, Value]:
        """What comes of the readings so far; while its inputs may still be on their way, it waits for them.

        Raises:
            UnreachableError: nothing, and why.
        """
        if self._schedule.health is Health.STARTING and self._computed.patience is not None:
            await self._begun.wait()
        if self._schedule.health is Health.STOPPED:
            raise UnreachableError(f"sensor {self.sensor.name} is stopped")
        self._compute()
        if self._error:
            raise UnreachableError(f"sensor {self.sensor.name}: {self._error}")
        return self._believed()

    async def value_now(self, channel: str) -> Value | None:
        """See `Running`; all that there is comes at once."""
        return (await self.sample_now()).get(channel)

    @property
    def _computed(self) -> Computed:
        assert isinstance(self.sensor.source, Computed)
        return self.sensor.source

    def _hearing(self, at: int) -> Callable[[Event], None]:
        def hear(event: Event) -> None:
            try:
                self._computed.hear(at, event.value, event.timestamp, self._clock.now())
            except (ValueError, OverflowError) as error:
                self._lacks(str(error))
            else:
                self._compute()

        return hear

    def _compute(self) -> None:
        now = self._clock.now()
        try:
            outcome = self._computed.compute(now)
            values = self.sensor.corrected(outcome.values)
        except (ValueError, OverflowError) as error:
            outcome, values = Outcome({}, str(error)), {}
        if not outcome.why:
            if values:
                self._well(self._schedule.succeeded(self._monotonic()))
                self._tell(values, now, self._monotonic())
        else:
            self._lacks(outcome.why)
            self._tell(values, now, self._monotonic())
        if self._schedule.health is not Health.STARTING:
            self._begun.set()
        self._wait(now)

    def _lacks(self, why: str) -> None:
        """One failure, however long it lasts; none before it can have heard of all inputs."""
        patience = self._computed.patience
        if self._schedule.health is Health.STARTING and (
            patience is None or self._monotonic() - self._began < patience
        ):
            self._error = why
        elif self._schedule.health in (Health.STARTING, Health.OK):
            self._failed(why)
        else:
            self._error = why
        for name in self._computed.held:
            self.channels[name].forget()

    def _wait(self, now: int) -> None:
        """Computes again when something else will come of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waits = []
        if (deadline := self._computed.deadline(now)) is not None:
            waits.append(deadline - now)
        if self._schedule.health is Health.STARTING and self._computed.patience is not None:
            waits.append(self._began + self._computed.patience - self._monotonic())
        if waits:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(min(waits), 1_000_000) / 1e9, self._compute)


def _topic(text: str) -> str:
    name, _, rest = text.partition(".")
    return text if "/" in text else f"sensor/{name}/{rest}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The bus: topics, events, and their delivery. It has no clock: events bring their time, or it is given one.

Delivery is in the call: `emit` returns when every callback has. A callback may emit (its event is delivered first,
completely), subscribe (it takes part from the next event on) and unsubscribe (who is closed is not told any more, even
of the event under way).
"""

import logging
import math
from collections.abc import Callable
from operator import index
from struct import calcsize
from typing import Any, Protocol

from ganglion.bus import taxonomy
from ganglion.bus.backend import BACKEND, core
from ganglion.bus.delivery import Callback, key
from ganglion.bus.filter import Filter
from ganglion.bus.outcome import Emitted
from ganglion.bus.queue import Overflow, Queue
from ganglion.bus.registry import HIDDEN, Registry
from ganglion.bus.subscription import Statistics, Subscription, TopicStatistics
from ganglion.bus.twin import Routes, Topics
from ganglion.bus.where import Where
from ganglion.errors import NotFoundError, RefusedError
from ganglion.event import Event, Priority
from ganglion_micro import dispatch
from ganglion_micro.match import NEVER
from ganglion_micro.topic import is_name, matches

_log = logging.getLogger(__name__)

#: Formats of `struct` that are the same, where they have the same size.
_FORMATS = {"i": "il", "d": "d", "q": "ql"}

#: What has the buffer protocol; `collections.abc` names it from Python 3.12 on.
Buffer = Any

#: Times of events.
_FIRST, _LAST = -(2**63), 2**63 - 1
#: Priorities of events.
_LEAST, _MOST = -(2**31), 2**31 - 1

#: Half of what a NamedTuple's own constructor costs.
_new = tuple.__new__


class Emit(Protocol):
    """`Bus.emit`."""

    def __call__(
        self,
        topic: int | str,
        value: Any,
        *,
        timestamp: int | None = None,
        source: str = "",
        priority: int = Priority.NORMAL,
    ) -> Emitted:
        """Tells everybody concerned.

        Args:
            topic: A handle of `topic`, or a name.
            timestamp: Nanoseconds, of 64 bits; conditions count their time by it. By the bus's clock where it is None.

        Raises:
            ValueError: not a topic name, or there is neither timestamp nor clock, or a time beyond 64 bits.
            TypeError: the timestamp or the priority is no whole number.
            NotFoundError: no topic has this handle.
            RefusedError: a queue that refuses is full; nobody was told.
        """


class Bus:
    """The events of one node. Not for several threads.

    Args:
        backend: `native` or `python`; None for `ganglion.bus.BACKEND`.
        clock: Nanoseconds since the Unix epoch, for events that do not bring their time.

    Attributes:
        emit: Tells everybody concerned of an event. See `Emit`.

    Raises:
        ImportError: the native core is asked for and not there.
    """

    def __init__(self, *, backend: str | None = None, clock: Callable[[], int] | None = None) -> None:
        self.backend = backend or BACKEND
        self._clock = clock
        self._topics = Topics()
        self._kept: dict[int, Event] = {}
        self._core = core(self.backend, self._topics, self._kept, self._emit, self._broken, clock)
        self.emit: Emit = self._core.emit
        self._registry = Registry(self._core, self._topics, self._kept, self.emit)
        self._types: dict[int, str] = {}

    def topic(self, name: str, *, type: str = "") -> int:
        """The handle of a topic: emitting by it saves a look-up.

        Args:
            type: Of its events, from the taxonomy: `signal.input.external.environment.temperature`.

        Raises:
            ValueError: not a topic name, or not a type; or the topic has another type.
        """
        levels = taxonomy.levels(type) if type else ""
        handle = self._topics.handles.get(name)
        if handle is None:
            if not is_name(name):
                raise ValueError(f"{name!r} is not a topic name: it is empty, too long, or has a wildcard")
            handle = self._core.topic(name)
            self._topics.names.append(name)
            self._topics.last.append(None)
            self._topics.handles[name] = handle
        if type and (known := self._types.get(handle)) != type:
            if known is not None:
                raise ValueError(f"the events of {name} are of the type {known!r}, not {type!r}")
            self._core.type(handle, levels)
            self._types[handle] = type
        return handle

    def type(self, handle: int) -> str:
        """The type of a topic's events; "" where it has none."""
        return self._types.get(handle, "")

    def name(self, handle: int) -> str:
        """The name of a topic."""
        return self._topics.names[handle]

    def subscribe(
        self,
        filter: str,
        callback: Callback,
        *,
        where: Where | None = None,
        matching: Filter | None = None,
        type: str = "",
        priority: int = Priority.NORMAL,
    ) -> Subscription:
        """Tells `callback` of the events on topics that match `filter`, pass `matching` and meet `where`.

        Higher priorities are told first, equal ones in the order they subscribed. An event that does not pass
        `matching` is none to `where`: it neither begins nor ends anything.

        Args:
            type: A filter of types, such as `signal.input.external.*`; topics without a type do not match it.

        Raises:
            ValueError: not a topic filter, or not a filter of types.
        """
        return self._registry.add(filter, callback, where, matching, type, priority)

    def queue(
        self,
        filter: str,
        *,
        capacity: int = 256,
        overflow: Overflow = Overflow.DROP_OLDEST,
        where: Where | None = None,
        matching: Filter | None = None,
        type: str = "",
        priority: int = Priority.NORMAL,
    ) -> tuple[Subscription, Queue]:
        """The events that `subscribe` would tell, in a queue; closing the subscription closes it.

        While one with `Overflow.REFUSE` is full, every event on its topics is refused, whatever it would pass.

        Raises:
            ValueError: not a topic filter, or no capacity.
        """
        queue = self._core.queue(capacity, overflow)
        subscription = self.subscribe(filter, queue.put, where=where, matching=matching, type=type, priority=priority)
        self._registry.give_queue(subscription, queue)
        return subscription, queue

    def _emit(
        self,
        topic: int | str,
        value: Any,
        *,
        timestamp: int | None = None,
        source: str = "",
        priority: int = Priority.NORMAL,
    ) -> Emitted:
        now = timestamp
        if now is None:
            if self._clock is None:
                raise ValueError("the event needs a timestamp: this bus has no clock of its own")
            now = self._clock()
        if not _FIRST <= index(now) <= _LAST:
            raise ValueError(f"the time of an event is nanoseconds of 64 bits, not {now}")
        _check_priority(priority)
        if self._registry.refusing:
            self._make_sure_of_room(topic)
        handle = topic if type(topic) is int else self.topic(topic)  # type: ignore[arg-type]
        names = self._topics.names
        if not 0 <= handle < len(names):
            raise _failure(dispatch.NO_TOPIC, handle)
        event: Event = _new(Event, (names[handle], value, now, source, priority))
        while type(answer := self._send(event, handle)) is int:
            if answer != dispatch.DUE:
                raise _failure(answer, handle)
            self.advance(now)
        return answer  # type: ignore[return-value]

    def _send(self, event: Event, handle: int) -> Emitted | int:
        registry, value = self._registry, event.value
        if registry.asking:
            self._core.attributes(registry.symbols.of(event.source), event.priority)
        if isinstance(value, int | float):
            return self._core.send(event, handle, _number(value), 0, False)
        known = self._topics.last[handle] if registry.remembering else None
        changed = registry.remembering > 0 and (None if known is None else known.value) != value
        return self._core.send(event, handle, None, registry.symbols.of(value), changed)

    def _make_sure_of_room(self, topic: int | str) -> None:
        names = self._topics.names
        name = topic if isinstance(topic, str) else names[topic] if 0 <= topic < len(names) else ""
        for subscription, queue in self._registry.refusing.items():
            if queue.is_full and name and matches(subscription.filter, name):
                raise RefusedError(
                    f"the queue of {subscription.filter} is full with {queue.capacity} events: nobody is told of {name}"
                )

    def emit_many(
        self, topics: Buffer, values: Buffer, timestamps: Buffer, *, source: str = "", priority: int = Priority.NORMAL
    ) -> Emitted:
        """Tells everybody concerned of many numbers, in order, as that many calls of `emit` would.

        Events that nobody is told of cost nothing in Python.

        Args:
            topics: Handles of `topic`, int32: an array of type `i`, a NumPy array, or their bytes.
            values: float64, as many.
            timestamps: Nanoseconds, int64, as many.

        Returns:
            The sums, and the number of the last event.

        Raises:
            ValueError: the lengths differ, or a buffer has items of another size.
            NotFoundError: no topic has one of the handles; those before it were told.
        """
        handles, numbers, times = _items(topics, "i"), _items(values, "d"), _items(timestamps, "q")
        _check_priority(priority)
        if not len(handles) == len(numbers) == len(times):
            raise ValueError(
                f"{len(handles)} topics, {len(numbers)} values and {len(times)} timestamps do not go together"
            )
        matched = delivered = dropped = failed = at = 0
        while at < len(handles):
            # Of each topic's last value, of room in queues, and of sources in them Python knows
            if self._registry.remembering or self._registry.refusing or (source and self._registry.direct):
                one = self.emit(handles[at], numbers[at], timestamp=times[at], source=source, priority=priority)
                matched += one.matched
                at += 1
            else:
                # Each time: a callback may have emitted something else
                if self._registry.asking or self._registry.direct:
                    self._core.attributes(self._registry.symbols.of(source), priority)
                taken, failure, one = self._core.emit_many(handles, numbers, times, at, source, priority)
                at += taken
                matched += one.matched
                if failure == dispatch.DUE:
                    self.advance(times[at])
                elif failure:
                    raise _failure(failure, handles[at])
            delivered, dropped, failed = delivered + one.delivered, dropped + one.dropped, failed + one.failed
        return Emitted(matched, delivered, dropped, failed, self._core.sequence())

    def take(self, messages: list[Any], routes: Routes, now: int, otherwise: Callable[[Any, int], None]) -> None:
        """Emits the numbers that routes pick out of payloads, with `now` as the time of all.

        Args:
            messages: Tuples that begin with a topic and a payload.
            otherwise: Called with a message, and how many of its picks are done, for what is no number of a JSON or
                CBOR document beyond doubt, and for a topic without a route.
        """
        self._core.take(messages, routes, now, otherwise)

    def advance(self, now: int) -> int:
        """Fires what is due, each with the event it has kept and the time it was due. Returns how many.

        `emit` does it too: what was due before an event is told before it.
        """
        count = 0
        while (due := self._core.take_due(now)) is not None:
            handle, topic, time = due
            count += 1
            self._core.tell(handle, self._kept.pop(key(handle, topic))._replace(timestamp=time))
        return count

    @property
    def deadline(self) -> int | None:
        """When `advance` must next be called, in nanoseconds; None where nothing is waiting."""
        first = self._core.deadline
        return None if first == NEVER else first

    def topics(self) -> list[TopicStatistics]:
        """Every topic with its events, those with the most first."""
        names = enumerate(self._topics.names)
        found = [
            TopicStatistics(name=name, emitted=self._core.emitted(handle), type=self.type(handle))
            for handle, name in names
            if not name.startswith(HIDDEN)
        ]
        return sorted(found, key=lambda topic: (-topic.emitted, topic.name))

    def subscriptions(self) -> list[Subscription]:
        """Every subscription that is open."""
        return self._registry.shown()

    def statistics(self) -> Statistics:
        """What happened so far."""
        delivered, dropped, failed = self._core.totals()
        names, registry = self._topics.names, self._registry
        return Statistics(
            topics=len(names) - sum(name.startswith(HIDDEN) for name in names) if registry.hidden else len(names),
            subscriptions=registry.open,
            emitted=self._core.sequence() - registry.again.emitted,
            delivered=delivered - registry.again.delivered,
            dropped=dropped - registry.again.dropped,
            failed=failed,
        )

    def _broken(self, handle: int, error: Exception) -> None:
        """A callback raised, which is its own matter and not the emitter's."""
        _log.error("a subscriber of %s failed; the others go on", self._registry.filter_of(handle), exc_info=error)


def _check_priority(priority: int) -> None:
    if not _LEAST <= index(priority) <= _MOST:
        raise ValueError(f"a priority is a whole number of 32 bits, not {priority}")


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _items(buffer: Buffer, format: str) -> Any:
    """A buffer as items of a format of `struct`.

    Raises:
        ValueError: its items are of another kind or size.
    """
    view = memoryview(buffer)
    if view.itemsize != 1 and (view.itemsize != calcsize(format) or view.format not in _FORMATS[format]):
        raise ValueError(f"items of the format {view.format!r} are not those of {format!r}")
    if view.nbytes % calcsize(format):
        raise ValueError(f"{view.nbytes} bytes are no items of {calcsize(format)} bytes")
    # Bytes may begin anywhere, and numbers may not
    raw: Any = memoryview(view.tobytes()) if view.itemsize == 1 else view.cast("B")
    return raw.cast(format)


def _failure(answer: int, handle: int) -> Exception:
    if answer == -1:
        return MemoryError("the bus has no memory for the subscriptions of a topic")
    return NotFoundError(f"no topic of this bus has the handle {handle}; `topic` gives them")

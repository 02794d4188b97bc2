# SPDX-License-Identifier: GPL-3.0-or-later
"""The bus: topics, subscriptions with conditions, and delivery to callbacks. It reads no clock: events bring the time.

Delivery is in the call: `emit` returns when every callback has. A callback may emit (its event is delivered first,
completely), subscribe (it takes part from the next event on) and unsubscribe (who is closed is not told any more, even
of the event under way).
"""

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial
from struct import calcsize
from typing import Any, Protocol

from ganglion.bus import taxonomy
from ganglion.bus.backend import BACKEND, core
from ganglion.bus.delivery import Callback, key
from ganglion.bus.filter import Filter
from ganglion.bus.outcome import Emitted, Outcome
from ganglion.bus.predicate import Test, split
from ganglion.bus.queue import Overflow, Queue
from ganglion.bus.subscription import Statistics, Subscription, Ties, TopicStatistics
from ganglion.bus.symbols import Symbols
from ganglion.bus.twin import Topics
from ganglion.bus.where import Op, Where
from ganglion.errors import NotFoundError, RefusedError
from ganglion.event import Event, Priority
from ganglion_micro import dispatch
from ganglion_micro.filter import passes
from ganglion_micro.match import NEVER
from ganglion_micro.topic import is_filter, is_name, matches

_log = logging.getLogger(__name__)

_ALWAYS = Where()
#: Beginning of the topics that nobody sees.
_HIDDEN = "$matching/"
_ATTRIBUTES = (dispatch.SOURCE, dispatch.PRIORITY)

#: What has the buffer protocol; `collections.abc` names it from Python 3.12 on.
Buffer = Any

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
            ValueError: not a topic name, or there is neither timestamp nor clock.
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
        self._subscriptions: list[Subscription | None] = []  # by handle
        self._open = 0
        self._symbols = Symbols()
        self._remembering = 0  # subscriptions that ask for a topic's last value
        self._asking = 0  # subscriptions that look at sources and priorities
        self._hidden = 0
        self._types: dict[int, str] = {}
        self._refusing: dict[Subscription, Queue] = {}
        self._direct = 0  # queues that the core fills by itself

    def topic(self, name: str, *, type: str = "") -> int:
        """The handle of a topic: emitting by it saves a look-up.

        Args:
            type: Of its events, from the taxonomy: `signal.input.external.environment.temperature`.

        Raises:
            ValueError: not a topic name, or not a type; or the topic has another type.
        """
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
            self._core.type(handle, taxonomy.levels(type))
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
        if not is_filter(filter):
            raise ValueError(f"{filter!r} is not a topic filter: `+` fills a level, `#` is the last one")
        levels = taxonomy.filter_levels(type) if type else ""
        tests, rest = split(matching.program) if matching is not None else ([], None)
        if rest is not None and where is not None:
            subscription = self._subscribe_in_two(filter, callback, where, priority, tests, rest)
        else:
            subscription = self._add(filter, callback, where, priority, tests, rest)
        if matching is not None:
            subscription.ties.matching = matching
        if levels:
            self._core.restrict(_first(subscription).handle, levels)
        return subscription

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

        Raises:
            ValueError: not a topic filter, or no capacity.
        """
        queue = self._core.queue(capacity, overflow)
        subscription = self.subscribe(filter, queue.put, where=where, matching=matching, type=type, priority=priority)
        ties = subscription.ties
        ties.queue = queue
        if ties.feeder is None and ties.is_decided:
            ties.is_direct = self._core.attach_queue(subscription.handle, queue)
            self._direct += ties.is_direct
        if overflow is Overflow.REFUSE:
            self._refusing[subscription] = queue
            self._adapt()
        return subscription, queue

    def _add(
        self,
        filter: str,
        callback: Callback,
        where: Where | None,
        priority: int,
        tests: Sequence[Test],
        rest: list[Any] | None,
    ) -> Subscription:
        condition = where or _ALWAYS
        subscription = Subscription(self, filter, where)
        named = [condition.value] if condition.is_about_symbol else []
        named += [test.named for test in tests if test.is_named]
        asks = any(test.field in _ATTRIBUTES for test in tests)
        if named or asks or rest is not None:
            subscription.rare = Ties(symbols=named, asks=asks, is_decided=rest is None)
        symbol = self._symbols.take(condition.value) if condition.is_about_symbol else 0
        known = [test.known_by(self._symbols.take(test.named)) if test.is_named else test for test in tests]
        told = callback if rest is None else partial(_tell_if_passes, rest, callback)
        handle = self._core.subscribe(filter, priority, condition.core(symbol), [test.core() for test in known])
        subscription.handle = handle
        self._core.attach(handle, told, condition.window is not None)
        self._asking += asks
        self._remembering += condition.op is Op.CHANGES
        if handle == len(self._subscriptions):
            self._subscriptions.append(None)
        self._subscriptions[handle] = subscription
        self._open += 1
        self._adapt()
        return subscription

    def _subscribe_in_two(
        self,
        filter: str,
        callback: Callback,
        where: Where,
        priority: int,
        tests: Sequence[Test],
        rest: list[Any],
    ) -> Subscription:
        """For a condition with state behind a filter that the core cannot decide: what passes is emitted once more, on
        a topic that nobody else sees, and the core keeps the condition there."""
        self._hidden += 1
        prefix = f"{_HIDDEN}{self._hidden}/"

        def feed(event: Event) -> None:
            self.emit(
                prefix + event.topic,
                event.value,
                timestamp=event.timestamp,
                source=event.source,
                priority=event.priority,
            )

        def tell(event: Event) -> object:
            return callback(event._replace(topic=event.topic[len(prefix) :]))

        subscription = self._add(prefix + "#", tell, where, priority, [], None)
        feeder = self._add(filter, feed, None, priority, tests, rest)
        feeder.ties.is_feeder = True
        subscription.ties.feeder = feeder
        subscription.filter = filter
        return subscription

    def _drop(self, subscription: Subscription, handle: int) -> tuple[int, int]:
        counts = self._core.detach(handle)
        self._core.unsubscribe(handle)
        self._subscriptions[handle] = None
        self._open -= 1
        self._refusing.pop(subscription, None)
        if (ties := subscription.rare) is not None:
            if ties.queue is not None:
                ties.queue.close()
            self._asking -= ties.asks
            self._direct -= ties.is_direct
            for value in ties.symbols:
                self._symbols.release(value)
        for kept in [each for each in self._kept if each >> 32 == handle]:
            del self._kept[kept]
        if subscription.where is not None and subscription.where.op is Op.CHANGES:
            self._remembering -= 1
            if not self._remembering:
                self._topics.last[:] = [None] * len(self._topics.last)
        self._adapt()
        return counts

    def _counts(self, subscription: Subscription) -> tuple[int, int]:
        return self._core.counts(subscription.handle)

    def _adapt(self) -> None:
        """Tells the core what the subscriptions there are now ask for."""
        self._core.adapt(bool(self._refusing or self._asking), self._remembering > 0, bool(self._symbols))

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
        if self._refusing:
            self._make_sure_of_room(topic)
        handle = topic if type(topic) is int else self.topic(topic)  # type: ignore[arg-type]
        while (answer := self._decide(handle, value, now, source, priority)) == dispatch.DUE:
            self.advance(now)
        if answer < 0:
            raise _failure(answer, handle)
        event: Event = _new(Event, (self._topics.names[handle], value, now, source, priority))
        if self._remembering:
            self._topics.last[handle] = event
        return self._core.deliver(event, handle, answer >> 32, answer & 0xFFFFFFFF)

    def _decide(self, handle: int, value: Any, now: int, source: str, priority: int) -> int:
        if self._asking:
            self._core.attributes(self._symbols.of(source), priority)
        if isinstance(value, int | float):
            return self._core.emit_number(handle, _number(value), now)
        last = self._topics.last
        known = last[handle] if self._remembering and 0 <= handle < len(last) else None
        changed = self._remembering > 0 and (None if known is None else known.value) != value
        return self._core.emit_symbol(handle, self._symbols.of(value), changed, now)

    def _make_sure_of_room(self, topic: int | str) -> None:
        names = self._topics.names
        name = topic if isinstance(topic, str) else names[topic] if 0 <= topic < len(names) else ""
        for subscription, queue in self._refusing.items():
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
        if not len(handles) == len(numbers) == len(times):
            raise ValueError(
                f"{len(handles)} topics, {len(numbers)} values and {len(times)} timestamps do not go together"
            )
        matched = delivered = dropped = failed = at = 0
        while at < len(handles):
            # Of each topic's last value, of room in queues, and of sources in them Python knows
            if self._remembering or self._refusing or (source and self._direct):
                one = self.emit(handles[at], numbers[at], timestamp=times[at], source=source, priority=priority)
                matched += one.matched
                at += 1
            else:
                if self._asking or self._direct:  # each time: a callback may have emitted something else
                    self._core.attributes(self._symbols.of(source), priority)
                taken, together, count, queued, lost = self._core.emit_many(handles, numbers, times, at)
                at += taken
                matched, delivered, dropped = matched + together, delivered + queued, dropped + lost
                if count == dispatch.DUE:
                    self.advance(times[at])
                    continue
                if count < 0:
                    raise _failure(count, handles[at])
                if not count:
                    continue
                name = self._topics.names[handles[at - 1]]
                event = Event(name, numbers[at - 1], times[at - 1], source, priority)
                one = self._core.deliver(event, handles[at - 1], 0, count)
            delivered, dropped, failed = delivered + one.delivered, dropped + one.dropped, failed + one.failed
        return Emitted(matched, delivered, dropped, failed, self._core.sequence())

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
            if not name.startswith(_HIDDEN)
        ]
        return sorted(found, key=lambda topic: (-topic.emitted, topic.name))

    def subscriptions(self) -> list[Subscription]:
        """Every subscription that is open."""
        return [each for each in self._subscriptions if each is not None and not (each.rare and each.rare.is_feeder)]

    def statistics(self) -> Statistics:
        """What happened so far."""
        delivered, dropped, failed = self._core.totals()
        return Statistics(
            topics=len(self._topics.names),
            subscriptions=self._open,
            emitted=self._core.sequence(),
            delivered=delivered,
            dropped=dropped,
            failed=failed,
        )

    def _broken(self, handle: int, error: Exception) -> None:
        """A callback raised, which is its own matter and not the emitter's."""
        subscription = self._subscriptions[handle]
        filter = subscription.filter if subscription is not None else "a filter that is closed"
        _log.error("a subscriber of %s failed; the others go on", filter, exc_info=error)


def _first(subscription: Subscription) -> Subscription:
    """Who meets the events: a condition behind a filter has another one before it."""
    ties = subscription.rare
    return subscription if ties is None or ties.feeder is None else ties.feeder


def _tell_if_passes(program: list[Any], callback: Callback, event: Event) -> object:
    """For a filter that the core cannot decide."""
    return callback(event) if passes(program, event) else Outcome.UNWANTED


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _items(buffer: Buffer, format: str) -> Any:
    """A buffer as items of a format of `struct`.

    Raises:
        ValueError: its items are of another size.
    """
    view = memoryview(buffer)
    if view.itemsize not in (1, calcsize(format)) or view.nbytes % calcsize(format):
        raise ValueError(f"items of {view.itemsize} bytes are none of {calcsize(format)}")
    raw: Any = view.cast("B")
    return raw.cast(format)


def _failure(answer: int, handle: int) -> Exception:
    if answer == -1:
        return MemoryError("the bus has no memory for the subscriptions of a topic")
    return NotFoundError(f"no topic of this bus has the handle {handle}; `topic` gives them")

# SPDX-License-Identifier: GPL-3.0-or-later
"""The bus: topics, subscriptions with conditions, and delivery to callbacks. It reads no clock: events bring the time.

Delivery is in the call: `emit` returns when every callback has. A callback may emit (its event is delivered first,
completely), subscribe (it takes part from the next event on) and unsubscribe (who is closed is not told any more, even
of the event under way).
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from struct import calcsize
from typing import Any

from ganglion.bus.backend import BACKEND, core
from ganglion.bus.filter import Filter
from ganglion.bus.predicate import Test, split
from ganglion.bus.queue import Loss, Overflow, Queue
from ganglion.bus.subscription import Emitted, Statistics, Subscription, Told, TopicStatistics
from ganglion.bus.symbols import Symbols
from ganglion.bus.where import Op, Where
from ganglion.errors import NotFoundError, RefusedError
from ganglion.event import Event, Priority
from ganglion_micro import dispatch
from ganglion_micro.filter import passes
from ganglion_micro.topic import is_filter, is_name, matches

_log = logging.getLogger(__name__)

_ALWAYS = dispatch.Where()
_NEVER = (None, "", Priority.NORMAL)
#: Beginning of the topics that nobody sees.
_HIDDEN = "$matching/"
_ATTRIBUTES = (dispatch.SOURCE, dispatch.PRIORITY)

#: What has the buffer protocol; `collections.abc` names it from Python 3.12 on.
Buffer = Any

#: Half of what a NamedTuple's own constructor costs.
_new = tuple.__new__


class Bus:
    """The events of one node. Not for several threads.

    Args:
        backend: `native` or `python`; None for `ganglion.bus.BACKEND`.

    Raises:
        ImportError: the native core is asked for and not there.
    """

    def __init__(self, *, backend: str | None = None) -> None:
        self.backend = backend or BACKEND
        self._core = core(self.backend)
        self._decide = self._core.emit
        self._handles: dict[str, int] = {}
        self._names: list[str] = []
        self._subscriptions: dict[int, Subscription] = {}
        # Topics about which the core need not be asked: whoever matches has no condition.
        self._unconditional: dict[int, Told] = {}
        self._unasked: Counter[int] = Counter()  # events of which the core does not know, by topic
        self._symbols = Symbols()
        # The last value, source and priority by topic, while there are subscriptions that ask for them later.
        self._last: dict[int, tuple[Any, str, int]] = {}
        self._remembering = 0
        # Subscriptions that the core must be asked about; how many look at sources and priorities, and what it was told
        self._conditional: set[int] = set()
        self._asking = 0
        self._told_attributes: tuple[str, int] | None = None
        self._hidden = 0
        self._refusing: dict[Subscription, Queue] = {}
        self._emitted = self._delivered = self._dropped = self._failed = 0

    def topic(self, name: str) -> int:
        """The handle of a topic: emitting by it saves a look-up.

        Raises:
            ValueError: not a topic name.
        """
        handle = self._handles.get(name)
        if handle is None:
            if not is_name(name):
                raise ValueError(f"{name!r} is not a topic name: it is empty, too long, or has a wildcard")
            handle = self._handles[name] = self._core.topic(name)
            self._names.append(name)
        return handle

    def name(self, handle: int) -> str:
        """The name of a topic."""
        return self._names[handle]

    def subscribe(
        self,
        filter: str,
        callback: Callable[[Event], object],
        *,
        where: Where | None = None,
        matching: Filter | None = None,
        priority: int = Priority.NORMAL,
    ) -> Subscription:
        """Tells `callback` of the events on topics that match `filter`, pass `matching` and meet `where`.

        Higher priorities are told first, equal ones in the order they subscribed. An event that does not pass
        `matching` is none to `where`: it neither begins nor ends anything.

        Raises:
            ValueError: not a topic filter.
        """
        if not is_filter(filter):
            raise ValueError(f"{filter!r} is not a topic filter: `+` fills a level, `#` is the last one")
        tests, rest = split(matching.program) if matching is not None else ([], None)
        if rest is not None and where is not None:
            subscription = self._subscribe_in_two(filter, callback, where, priority, tests, rest)
        else:
            subscription = self._add(filter, callback, where, priority, tests, rest)
        subscription.matching = matching
        return subscription

    def queue(
        self,
        filter: str,
        *,
        capacity: int = 256,
        overflow: Overflow = Overflow.DROP_OLDEST,
        where: Where | None = None,
        matching: Filter | None = None,
        priority: int = Priority.NORMAL,
    ) -> tuple[Subscription, Queue]:
        """The events that `subscribe` would tell, in a queue; closing the subscription closes it.

        Raises:
            ValueError: not a topic filter, or no capacity.
        """
        queue = Queue(capacity, overflow)
        subscription = self.subscribe(filter, queue.put, where=where, matching=matching, priority=priority)
        subscription.queue = queue
        if overflow is Overflow.REFUSE:
            self._refusing[subscription] = queue
        return subscription, queue

    def _add(
        self,
        filter: str,
        callback: Callable[[Event], object],
        where: Where | None,
        priority: int,
        tests: Sequence[Test],
        rest: list[Any] | None,
    ) -> Subscription:
        condition = _ALWAYS
        if where is not None:
            condition = where.core(self._symbols.take(where.value) if where.is_about_symbol else 0)
            self._remembering += _remembers(where)
        subscription = Subscription(self, filter, callback, where)
        if where is not None and where.is_about_symbol:
            subscription.symbols.append(where.value)
        subscription.symbols += [test.named for test in tests if test.is_named]
        subscription.asks = any(test.field in _ATTRIBUTES for test in tests)
        subscription.rest = rest
        self._asking += subscription.asks
        known = [test.known_by(self._symbols.take(test.named)) if test.is_named else test for test in tests]
        subscription.handle = self._core.subscribe(filter, priority, condition, [test.core() for test in known])
        self._subscriptions[subscription.handle] = subscription
        if where is not None or tests:
            self._conditional.add(subscription.handle)
        self._decide = self._core.emit
        self._forget_what_was_decided()
        return subscription

    def _subscribe_in_two(
        self,
        filter: str,
        callback: Callable[[Event], object],
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
        subscription.feeder = self._add(filter, feed, None, priority, tests, rest)
        subscription.feeder.feeder_of = subscription
        subscription.filter = filter
        return subscription

    def _drop(self, subscription: Subscription) -> None:
        self._core.unsubscribe(subscription.handle)
        del self._subscriptions[subscription.handle]
        self._conditional.discard(subscription.handle)
        self._forget_what_was_decided()
        self._asking -= subscription.asks
        self._refusing.pop(subscription, None)
        if subscription.queue is not None:
            subscription.queue.close()
        for value in subscription.symbols:
            self._symbols.release(value)
        where = subscription.where
        if where is None:
            return
        self._remembering -= _remembers(where)
        if not self._remembering:
            self._last.clear()

    def _forget_what_was_decided(self) -> None:
        for handle, told in self._unconditional.items():
            self._unasked[handle] += told.events
        self._unconditional.clear()
        self._told_attributes = None  # a source may have a symbol now, or none any more

    def emit(
        self, topic: int | str, value: Any, *, timestamp: int, source: str = "", priority: int = Priority.NORMAL
    ) -> Emitted:
        """Tells everybody concerned.

        Args:
            topic: A handle of `topic`, or a name.
            timestamp: Nanoseconds, of 64 bits; conditions count their time by it.

        Raises:
            ValueError: not a topic name.
            NotFoundError: no topic has this handle.
            RefusedError: a queue that refuses is full; nobody was told.
        """
        if self._refusing:
            self._make_sure_of_room(topic)
        handle = topic if type(topic) is int else self.topic(topic)  # type: ignore[arg-type]
        known = self._unconditional.get(handle)
        if known is not None:
            told: Sequence[Subscription] = known
            known.events += 1
            matched = len(known)
        else:
            if self._asking:
                self._tell_attributes(source, priority)
            decide = self._decide if type(value) is float else self._ask
            answer = decide(handle, value, timestamp)
            if answer < 0:
                raise _failure(answer, handle)
            matched = answer >> 32
            count = answer & 0xFFFFFFFF
            told = self._told(handle, matched, count) if count or not matched else []
        if self._remembering:
            self._last[handle] = (value, source, priority)
        self._emitted = sequence = self._emitted + 1
        if not told:
            return _new(Emitted, (matched, 0, 0, 0, sequence))
        event = _new(Event, (self._names[handle], value, timestamp, source, priority))
        return self._deliver(told, event, matched, sequence)

    def _deliver(self, told: Sequence[Subscription], event: Event, matched: int, sequence: int) -> Emitted:
        """Tells those who are not closed meanwhile."""
        delivered = dropped = failed = 0
        for subscription in told:
            if subscription.is_open:
                if subscription.rest is not None and not passes(subscription.rest, event):
                    continue
                delivered += 1
                subscription.delivered += 1
                try:
                    outcome = subscription.callback(event)
                except Exception:
                    failed += self._broken(subscription)
                    continue
                if outcome is not None and type(outcome) is Loss:  # that of a queue
                    dropped += 1
                    self._dropped += 1
                    if outcome is Loss.ITSELF:
                        delivered -= 1
                        subscription.delivered -= 1
        self._delivered += delivered
        return _new(Emitted, (matched, delivered, dropped, failed, sequence))

    def _make_sure_of_room(self, topic: int | str) -> None:
        name = topic if isinstance(topic, str) else self._names[topic] if 0 <= topic < len(self._names) else ""
        for subscription, queue in self._refusing.items():
            if queue.is_full and name and matches(subscription.filter, name):
                raise RefusedError(
                    f"the queue of {subscription.filter} is full with {queue.capacity} events: nobody is told of {name}"
                )

    def _tell_attributes(self, source: str, priority: int) -> None:
        """Has the core know who sends, where subscriptions ask."""
        if (source, priority) != self._told_attributes:
            self._told_attributes = (source, priority)
            self._core.attributes(self._symbols.of(source), priority)

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
            if self._remembering or self._refusing:  # of each topic's last value and room in queues Python knows
                one = self.emit(handles[at], numbers[at], timestamp=times[at], source=source, priority=priority)
                matched += one.matched
                delivered += one.delivered
                dropped += one.dropped
                failed += one.failed
                at += 1
                continue
            if self._asking:
                self._tell_attributes(source, priority)  # a callback may have emitted something else
            taken, together, count = self._core.emit_many(handles, numbers, times, at)
            at += taken
            matched += together
            self._emitted += taken
            if count < 0:
                raise _failure(count, handles[at])
            if count:
                told = [self._subscriptions[each] for each in self._core.fired(count)]
                topic = self._names[handles[at - 1]]
                event = Event(topic, numbers[at - 1], times[at - 1], source, priority)
                one = self._deliver(told, event, 0, 0)
                delivered, dropped, failed = delivered + one.delivered, dropped + one.dropped, failed + one.failed
        return Emitted(matched, delivered, dropped, failed, self._emitted)

    def _told(self, handle: int, matched: int, count: int) -> list[Subscription]:
        """Those of whom the core has just said that they are told.

        Looked up before anybody is told: a handle that a callback frees may be given to a new subscription.
        """
        told = [self._subscriptions[each] for each in self._core.fired(count)] if count else []
        if count == matched and self._conditional.isdisjoint(subscription.handle for subscription in told):
            self._unconditional[handle] = Told(told)
        return told

    def _ask(self, handle: int, value: Any, timestamp: int) -> int:
        """Has the core decide about what is not simply a float."""
        if isinstance(value, int | float):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf if value > 0 else -math.inf
            return self._decide(handle, number, timestamp)
        changed = bool(self._remembering and self._last.get(handle, _NEVER)[0] != value)
        return self._core.emit_symbol(handle, self._symbols.of(value), changed, timestamp)

    def advance(self, now: int) -> int:
        """Fires the lasting conditions that are due; their events carry the topic's latest value. Returns how many."""
        count = 0
        while (due := self._core.take_due(now)) is not None:
            handle, topic = due
            value, source, priority = self._last[topic]
            count += 1
            self._deliver([self._subscriptions[handle]], Event(self._names[topic], value, now, source, priority), 0, 0)
        return count

    @property
    def deadline(self) -> int | None:
        """When `advance` must next be called, in nanoseconds; None where nothing is waiting."""
        first = self._core.deadline
        return None if first == dispatch.NEVER else first

    def topics(self) -> list[TopicStatistics]:
        """Every topic with its events, those with the most first."""
        found = []
        for handle, name in enumerate(self._names):
            if not name.startswith(_HIDDEN):
                known = self._unconditional.get(handle)
                emitted = self._core.emitted(handle) + self._unasked[handle] + (known.events if known else 0)
                found.append(TopicStatistics(name=name, emitted=emitted))
        return sorted(found, key=lambda topic: (-topic.emitted, topic.name))

    def subscriptions(self) -> list[Subscription]:
        """Every subscription that is open, in the order they came."""
        return [each for each in self._subscriptions.values() if each.is_open and each.feeder_of is None]

    def statistics(self) -> Statistics:
        """What happened so far."""
        return Statistics(
            topics=len(self._names),
            subscriptions=len(self._subscriptions),
            emitted=self._emitted,
            delivered=self._delivered,
            dropped=self._dropped,
            failed=self._failed,
        )

    def _broken(self, subscription: Subscription) -> int:
        """Counts the exception under way, which is the callback's own matter and not the emitter's; returns 1."""
        self._failed += 1
        subscription.failed += 1
        _log.exception("a subscriber of %s failed; the others go on", subscription.filter)
        return 1


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


def _remembers(where: Where) -> bool:
    """Whether it asks for a topic's last value when no event is at hand, or for the one before."""
    return where.lasting > 0 or where.op is Op.CHANGES


def _failure(answer: int, handle: int) -> Exception:
    if answer == -1:
        return MemoryError("the bus has no memory for the subscriptions of a topic")
    return NotFoundError(f"no topic of this bus has the handle {handle}; `topic` gives them")

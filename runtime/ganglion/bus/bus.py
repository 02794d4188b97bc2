# SPDX-License-Identifier: GPL-3.0-or-later
"""The bus: topics, subscriptions with conditions, and delivery to callbacks. It reads no clock: events bring the time.

Delivery is in the call: `emit` returns when every callback has. A callback may emit (its event is delivered first,
completely), subscribe (it takes part from the next event on) and unsubscribe (who is closed is not told any more, even
of the event under way).
"""

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ganglion.bus.where import Op, Where
from ganglion.event import Event, Priority
from ganglion_micro import dispatch
from ganglion_micro.topic import is_filter, is_name

_log = logging.getLogger(__name__)


class _Core(Protocol):
    @property
    def matched(self) -> int: ...
    def topic(self, name: str) -> int: ...
    def subscribe(self, filter: str, priority: int, where: dispatch.Where) -> int: ...
    def unsubscribe(self, subscription: int) -> None: ...
    def emit(self, topic: int, value: float, now: int) -> list[int]: ...
    @property
    def deadline(self) -> int: ...
    def take_due(self, now: int) -> tuple[int, int] | None: ...


_CORES: dict[str, Callable[[], _Core]] = {"python": dispatch.Dispatch}
WHY_NOT = ""
"""Why the native core is not in use; "" where it is."""
try:
    from ganglion.bus import native

    _CORES["native"] = native.Dispatch
except ImportError as error:
    _note = Path(__file__).with_name("pure.txt")
    WHY_NOT = _note.read_text(encoding="utf-8").strip() if _note.exists() else str(error)
BACKEND = "native" if "native" in _CORES else "python"
"""Which core a `Bus` takes by itself. `GANGLION_BACKEND=python` in the environment asks for the twin."""
if os.environ.get("GANGLION_BACKEND") == "python":
    BACKEND, WHY_NOT = "python", "GANGLION_BACKEND=python asks for the Python twin"

_ALWAYS = dispatch.Where(dispatch.ALWAYS, 0.0, 0.0, False, 0.0, 0, 0)
_NUMBERS = (float, int, bool)


class Emitted(NamedTuple):
    """What became of an event: filters that match, callbacks that were told, callbacks that raised, and its number."""

    matched: int
    delivered: int
    failed: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counters since the bus was made.

    Attributes:
        topics, subscriptions: Known now.
        emitted: Events.
        delivered: Callbacks that were told.
        failed: Callbacks that raised; the others were told all the same.
    """

    topics: int
    subscriptions: int
    emitted: int
    delivered: int
    failed: int


class Subscription:
    """One callback and its filter, until `close`.

    Attributes:
        filter: The topic filter.
        delivered: Events that the callback was told of.
    """

    __slots__ = ("_bus", "_changes", "_conditions", "callback", "delivered", "filter", "handle", "is_open", "where")

    def __init__(self, bus: "Bus", filter: str, callback: Callable[[Event], None], where: Where | None) -> None:
        self._bus = bus
        self.filter = filter
        self.callback = callback
        self.where = where if where is not None and not where.is_numeric else None
        self.handle = -1
        self.is_open = True
        self.delivered = 0
        self._conditions: dict[str, dispatch.Condition] = {}
        self._changes: dict[str, Any] = {}

    def close(self) -> None:
        """Ends it; closing twice does nothing."""
        if self.is_open:
            self.is_open = False
            self._bus._drop(self)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def asks(self, topic: str, value: Any, now: int) -> bool:
        """Decides a condition that is no matter of numbers; only where `where` is set."""
        where = self.where
        assert where is not None
        condition = self._conditions.get(topic)
        if condition is None:
            condition = self._conditions[topic] = dispatch.Condition(where.core())
        was = condition.active
        if where.op is Op.CHANGES:
            condition.active = topic in self._changes and self._changes[topic] != value
            self._changes[topic] = value
        else:
            condition.active = (value == where.value) is (where.op is Op.EQUALS)
        return condition.decide(was, now)

    def waiting(self) -> list[tuple[int, str, dispatch.Condition]]:
        """Its lasting conditions that have yet to fire: when, on which topic."""
        return [(c.due, topic, c) for topic, c in self._conditions.items() if c.due != dispatch.NEVER]


class Bus:
    """The events of one node. Not for several threads.

    Args:
        backend: `native` or `python`; None for `BACKEND`.

    Raises:
        ImportError: the native core is asked for and not there.
    """

    def __init__(self, *, backend: str | None = None) -> None:
        self.backend = backend or BACKEND
        if self.backend not in _CORES:
            raise ImportError(f"this build has no {self.backend} bus: {WHY_NOT}")
        self._core = _CORES[self.backend]()
        self._handles: dict[str, int] = {}
        self._names: list[str] = []
        self._last: list[tuple[Any, str, int]] = []
        self._subscriptions: dict[int, Subscription] = {}
        self._slow: dict[int, Subscription] = {}
        self._emitted = self._delivered = self._failed = 0

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
            self._last.append((None, "", Priority.NORMAL))
        return handle

    def name(self, handle: int) -> str:
        """The name of a topic."""
        return self._names[handle]

    def subscribe(
        self,
        filter: str,
        callback: Callable[[Event], None],
        *,
        where: Where | None = None,
        priority: int = Priority.NORMAL,
    ) -> Subscription:
        """Tells `callback` of the events on topics that match `filter` and meet `where`.

        Higher priorities are told first, equal ones in the order they subscribed.

        Raises:
            ValueError: not a topic filter.
        """
        if not is_filter(filter):
            raise ValueError(f"{filter!r} is not a topic filter: `+` fills a level, `#` is the last one")
        subscription = Subscription(self, filter, callback, where)
        core = where.core() if where is not None and subscription.where is None else _ALWAYS
        subscription.handle = self._core.subscribe(filter, priority, core)
        self._subscriptions[subscription.handle] = subscription
        if subscription.where is not None:
            self._slow[subscription.handle] = subscription
        return subscription

    def _drop(self, subscription: Subscription) -> None:
        self._core.unsubscribe(subscription.handle)
        del self._subscriptions[subscription.handle]
        self._slow.pop(subscription.handle, None)

    def emit(
        self, topic: int | str, value: Any, *, timestamp: int, source: str = "", priority: int = Priority.NORMAL
    ) -> Emitted:
        """Tells everybody concerned.

        Args:
            topic: A handle of `topic`, or a name.
            timestamp: Nanoseconds; conditions count their time by it.

        Raises:
            ValueError: not a topic name.
        """
        handle = topic if type(topic) is int else self.topic(topic)  # type: ignore[arg-type]
        self._emitted = sequence = self._emitted + 1
        self._last[handle] = (value, source, priority)
        # To the core what is no number is NaN: it meets no comparison but "not equal".
        try:
            fired = self._core.emit(handle, value if type(value) in _NUMBERS else math.nan, timestamp)
        except OverflowError:  # an int that no double can hold
            fired = self._core.emit(handle, math.inf if value > 0 else -math.inf, timestamp)
        matched = self._core.matched
        if not fired:
            return Emitted(matched, 0, 0, sequence)
        event = Event(self._names[handle], value, timestamp, source, priority)
        delivered = failed = 0
        # Taken before anybody is told: a handle that a callback frees may be given to a new subscription.
        for subscription in [self._subscriptions[each] for each in fired]:
            if not subscription.is_open:
                continue
            if subscription.where is not None and not subscription.asks(event.topic, value, timestamp):
                continue
            delivered += 1
            failed += self._tell(subscription, event)
        return Emitted(matched, delivered, failed, sequence)

    def advance(self, now: int) -> int:
        """Fires the lasting conditions that are due; their events carry the topic's latest value. Returns how many."""
        count = 0
        while (due := self._core.take_due(now)) is not None:
            subscription, topic = self._subscriptions[due[0]], due[1]
            self._tell(subscription, Event(self._names[topic], self._last[topic][0], now, *self._last[topic][1:]))
            count += 1
        for subscription in list(self._slow.values()):
            for when, topic_name, condition in subscription.waiting():
                if when <= now and subscription.is_open:
                    condition.due = dispatch.NEVER
                    if condition.may_fire(now):
                        last = self._last[self._handles[topic_name]]
                        self._tell(subscription, Event(topic_name, last[0], now, *last[1:]))
                        count += 1
        return count

    @property
    def deadline(self) -> int | None:
        """When `advance` must next be called, in nanoseconds; None where nothing is waiting."""
        first = self._core.deadline
        for subscription in self._slow.values():
            for when, _, _ in subscription.waiting():
                first = min(first, when)
        return None if first == dispatch.NEVER else first

    def statistics(self) -> Statistics:
        """What happened so far."""
        return Statistics(
            topics=len(self._names),
            subscriptions=len(self._subscriptions),
            emitted=self._emitted,
            delivered=self._delivered,
            failed=self._failed,
        )

    def _tell(self, subscription: Subscription, event: Event) -> int:
        self._delivered += 1
        subscription.delivered += 1
        try:
            subscription.callback(event)
        except Exception:
            self._failed += 1
            _log.exception("a subscriber of %s failed; the others go on", subscription.filter)
            return 1
        return 0

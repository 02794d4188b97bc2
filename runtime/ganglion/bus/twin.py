# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python core, which boards run too, with the methods of `ganglion.bus.native`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganglion.bus.delivery import Delivery
from ganglion.bus.outcome import Emitted
from ganglion.bus.queue import Overflow, Queue
from ganglion.event import Event
from ganglion_micro.dispatch import DUE, NO_TOPIC, Dispatch
from ganglion_micro.match import Where

#: (op, field, symbol, number, integer), as in `gg_test`.
Test = tuple[int, int, int, float, int]

#: What is picked out of a payload: the bus's topic that it is emitted on, the path to it as keys with dots between them
#: in UTF-8 (None where Python has to look), and the keys.
Pick = tuple[int, bytes | None, tuple[str, ...]]
#: By the topic of a message: the source of its events, and the picks.
Routes = dict[str, tuple[str, tuple[Pick, ...]]]


@dataclass(frozen=True, slots=True)
class Topics:
    """What a bus knows of its topics.

    Attributes:
        handles: By name.
        names: By handle.
        last: The last event of each, while conditions ask for it.
    """

    handles: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    last: list[Event | None] = field(default_factory=list)


class Core:
    """Topics, subscriptions and the state between them. See `ganglion.bus.native.Core`."""

    def __init__(
        self,
        topics: Topics,
        kept: dict[int, Event],
        slowly: Callable[..., Emitted],
        broken: Callable[[int, Exception], None],
        clock: Callable[[], int] | None,
    ) -> None:
        self._topics = topics
        self._remembers = False
        self._dispatch = Dispatch()
        self._delivery = Delivery(kept, broken)
        self.topic = self._dispatch.topic
        self.unsubscribe = self._dispatch.unsubscribe
        self.take_due = self._dispatch.take_due
        self.attributes = self._dispatch.attributes
        self.emitted = self._dispatch.emitted
        self.type = self._dispatch.type
        self.restrict = self._dispatch.restrict
        self.emit = slowly
        self.attach = self._delivery.attach
        self.detach = self._delivery.detach
        self.tell = self._delivery.tell
        self.counts = self._delivery.counts
        self.totals = self._delivery.totals

    def subscribe(self, filter: str, priority: int, where: Where, tests: Sequence[Test]) -> int:
        return self._dispatch.subscribe(filter, priority, where, list(tests))

    def send(self, event: Event, topic: int, number: float | None, symbol: int, changed: bool) -> Emitted | int:
        try:
            if number is None:
                count = self._dispatch.emit_symbol(topic, symbol, changed, event.timestamp)
            else:
                count = self._dispatch.emit(topic, number, event.timestamp)
        except IndexError:
            return NO_TOPIC
        if count == DUE:
            return DUE
        notes, matched, sequence = self._delivery.note(self._dispatch.fired), self._dispatch.matched, self.sequence()
        if self._remembers:
            self._topics.last[topic] = event
        return self._delivery.deliver(notes, event, topic, matched, sequence)

    def emit_many(
        self,
        topics: "memoryview[int]",
        numbers: "memoryview[float]",
        times: "memoryview[int]",
        start: int,
        source: str,
        priority: int,
    ) -> tuple[int, int, Emitted]:
        try:
            taken, matched, count = self._dispatch.emit_many(topics, numbers, times, start)
        except IndexError:
            return 0, NO_TOPIC, Emitted(0, 0, 0, 0, self.sequence())
        if count <= 0:
            return taken, count, Emitted(matched, 0, 0, 0, self.sequence())
        notes, at = self._delivery.note(self._dispatch.fired), start + taken - 1
        event = Event(self._topics.names[topics[at]], numbers[at], times[at], source, priority)
        return taken, 0, self._delivery.deliver(notes, event, topics[at], matched, self.sequence())

    def take(self, messages: list[Any], routes: Routes, now: int, otherwise: Callable[[Any, int], None]) -> None:
        for message in messages:
            route = routes.get(message[0])
            if route is None or route[1]:
                otherwise(message, 0)

    def queue(self, capacity: int, overflow: Overflow) -> Queue:
        return Queue(capacity, overflow)

    def attach_queue(self, handle: int, queue: Queue) -> bool:
        return False

    def sequence(self) -> int:
        return self._dispatch.sequence

    def adapt(self, is_slow: bool, remembers: bool, has_symbols: bool) -> None:
        self._remembers = remembers

    @property
    def deadline(self) -> int:
        return self._dispatch.deadline

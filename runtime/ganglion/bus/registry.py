# SPDX-License-Identifier: GPL-3.0-or-later
"""The subscriptions of a bus: what each asks of the core, and what all of them together ask of an emit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ganglion.bus import taxonomy
from ganglion.bus.backend import Core
from ganglion.bus.delivery import Callback
from ganglion.bus.filter import Filter
from ganglion.bus.outcome import Emitted, Outcome
from ganglion.bus.predicate import Test, split
from ganglion.bus.queue import Overflow, Queue
from ganglion.bus.subscription import Subscription, Ties
from ganglion.bus.symbols import Symbols
from ganglion.bus.twin import Topics
from ganglion.bus.where import Op, Where
from ganglion.event import Event
from ganglion_micro import dispatch
from ganglion_micro.filter import passes
from ganglion_micro.topic import is_filter

#: Beginning of the topics that nobody sees.
HIDDEN = "$matching/"

_ALWAYS = Where()
_ATTRIBUTES = (dispatch.SOURCE, dispatch.PRIORITY)


@dataclass(slots=True)
class Again:
    """Events that were emitted once more, behind a filter that the core cannot decide, and what became of them."""

    emitted: int = 0
    delivered: int = 0
    dropped: int = 0


class Registry:
    """Who has subscribed.

    Args:
        core: Decides who is told.
        topics: Of the bus.
        kept: What the core keeps until it is due, by `ganglion.bus.delivery.key`.
        emit: Of the bus.

    Attributes:
        symbols: Of the values that conditions name.
        remembering: How many ask for a topic's last value.
        asking: How many look at sources and priorities.
        direct: How many queues the core fills by itself.
        refusing: Queues that refuse events while they are full.
        open: How many there are.
        hidden: Prefixes of topics that nobody sees.
        again: What was counted twice.
    """

    def __init__(self, core: Core, topics: Topics, kept: dict[int, Event], emit: Callable[..., Emitted]) -> None:
        self._core = core
        self._topics = topics
        self._kept = kept
        self._emit = emit
        self._subscriptions: list[Subscription | None] = []  # by handle
        self._prefixes: list[str] = []  # those that are free
        self.hidden = 0
        self.again = Again()
        self.symbols = Symbols()
        self.open = self.remembering = self.asking = self.direct = 0
        self.refusing: dict[Subscription, Queue] = {}

    def add(
        self,
        filter: str,
        callback: Callback,
        where: Where | None,
        matching: Filter | None,
        type: str,
        priority: int,
    ) -> Subscription:
        """See `Bus.subscribe`."""
        if not is_filter(filter):
            raise ValueError(f"{filter!r} is not a topic filter: `+` fills a level, `#` is the last one")
        levels = taxonomy.filter_levels(type) if type else ""
        tests, rest = split(matching.program) if matching is not None else ([], None)
        # What changes does so from the last value that passed, which the core does not know
        if where is not None and (rest is not None or (tests and where.op is Op.CHANGES)):
            subscription = self._add_two(filter, callback, where, priority, tests, rest)
        else:
            subscription = self._add(filter, callback, where, priority, tests, rest)
        self.open += 1
        if matching is not None:
            subscription.ties.matching = matching
        if levels:
            self._core.restrict(_first(subscription).handle, levels)
        return subscription

    def give_queue(self, subscription: Subscription, queue: Queue) -> None:
        """Its callback is the `put` of this queue, which the core may fill by itself and who closes it closes."""
        ties = subscription.ties
        ties.queue = queue
        if ties.feeder is None and ties.is_decided:
            ties.is_direct = self._core.attach_queue(subscription.handle, queue)
            self.direct += ties.is_direct
        if queue.overflow is Overflow.REFUSE:
            self.refusing[subscription] = queue
            self._adapt()

    def drop(self, subscription: Subscription, handle: int) -> tuple[int, int]:
        """Ends it; returns what `counts` did."""
        counts = self._counts(subscription, handle)
        self._core.detach(handle)
        self._core.unsubscribe(handle)
        self._subscriptions[handle] = None
        self.open -= not subscription.is_feeder
        self.refusing.pop(subscription, None)
        if (ties := subscription.rare) is not None:
            if subscription.is_feeder:
                self._prefixes.append(ties.prefix)
            if ties.queue is not None:
                ties.queue.close()
            self.asking -= ties.asks
            self.direct -= ties.is_direct
            for value in ties.symbols:
                self.symbols.release(value)
        for kept in [each for each in self._kept if each >> 32 == handle]:
            del self._kept[kept]
        if subscription.where is not None and subscription.where.op is Op.CHANGES:
            self.remembering -= 1
            if not self.remembering:
                self._topics.last[:] = [None] * len(self._topics.last)
        self._adapt()
        return counts

    def counts(self, subscription: Subscription) -> tuple[int, int]:
        """How many events it was told of, and how many of these made its callback raise."""
        return self._counts(subscription, subscription.handle)

    def shown(self) -> list[Subscription]:
        """Those that somebody has made."""
        return [each for each in self._subscriptions if each is not None and not each.is_feeder]

    def filter_of(self, handle: int) -> str:
        """What the subscription with a handle listens to."""
        subscription = self._subscriptions[handle]
        return subscription.filter if subscription is not None else "a filter that is closed"

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
        symbol = self.symbols.take(condition.value) if condition.is_about_symbol else 0
        known = [test.known_by(self.symbols.take(test.named)) if test.is_named else test for test in tests]
        told = callback if rest is None else partial(_tell_if_passes, rest, callback)
        try:
            handle = self._core.subscribe(filter, priority, condition.core(symbol), [test.core() for test in known])
        except BaseException:
            for value in named:
                self.symbols.release(value)
            raise
        subscription.handle = handle
        self._core.attach(handle, told, condition.window is not None)
        self.asking += asks
        self.remembering += condition.op is Op.CHANGES
        if handle == len(self._subscriptions):
            self._subscriptions.append(None)
        self._subscriptions[handle] = subscription
        self._adapt()
        return subscription

    def _add_two(
        self,
        filter: str,
        callback: Callback,
        where: Where,
        priority: int,
        tests: Sequence[Test],
        rest: list[Any] | None,
    ) -> Subscription:
        """For a condition with state behind a filter that the core cannot decide: what passes is emitted once more, on
        a topic that nobody else sees, and the core keeps the condition there."""
        if not self._prefixes:
            self.hidden += 1
            self._prefixes.append(f"{HIDDEN}{self.hidden}/")
        prefix, again = self._prefixes.pop(), self.again

        def feed(event: Event) -> Outcome | None:
            again.emitted += 1
            one = self._emit(
                prefix + event.topic,
                event.value,
                timestamp=event.timestamp,
                source=event.source,
                priority=event.priority,
            )
            again.delivered += one.delivered
            again.dropped += one.dropped
            if one.delivered:
                return Outcome.REPLACED if one.dropped else None
            return Outcome.LOST if one.dropped else Outcome.UNWANTED

        def tell(event: Event) -> object:
            return callback(event._replace(topic=event.topic[len(prefix) :]))

        subscription = self._add(prefix + "#", tell, where, priority, [], None)
        feeder = self._add(filter, feed, None, priority, tests, rest)
        feeder.ties.is_feeder = True
        feeder.ties.prefix = prefix
        subscription.ties.feeder = feeder
        subscription.filter = filter
        return subscription

    def _counts(self, subscription: Subscription, handle: int) -> tuple[int, int]:
        told, failed = self._core.counts(handle)
        if (ties := subscription.rare) is not None and ties.is_direct and ties.queue is not None:
            told = ties.queue.statistics().put
        return told, failed

    def _adapt(self) -> None:
        """Tells the core what the subscriptions there are now ask for."""
        self._core.adapt(bool(self.refusing or self.asking), self.remembering > 0, bool(self.symbols))


def _first(subscription: Subscription) -> Subscription:
    """Who meets the events: a condition behind a filter has another one before it."""
    ties = subscription.rare
    return subscription if ties is None or ties.feeder is None else ties.feeder


def _tell_if_passes(program: list[Any], callback: Callback, event: Event) -> object:
    """For a filter that the core cannot decide."""
    return callback(event) if passes(program, event) else Outcome.UNWANTED

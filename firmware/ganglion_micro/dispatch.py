# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must know of an event: the twin of native/src/bus.c, for machines where no compiled core fits."""

from ganglion_micro.topic import matches

ALWAYS = 0
ABOVE = 1
BELOW = 2
BETWEEN = 3
OUTSIDE = 4
EQUALS = 5
NOT_EQUALS = 6

#: No lasting condition is waiting: later than any time (2**63 - 1, as in C).
NEVER = 0x7FFFFFFFFFFFFFFF


class Where:
    """What a subscription asks of a value; the fields are those of `gg_where` in native/include/ganglion.h."""

    __slots__ = ("cooldown", "edge", "high", "hysteresis", "lasting", "low", "op")

    def __init__(
        self, op: int, low: float, high: float, edge: bool, hysteresis: float, lasting: int, cooldown: int
    ) -> None:
        self.op = op
        self.low = low
        self.high = high
        self.edge = edge
        self.hysteresis = hysteresis
        self.lasting = lasting
        self.cooldown = cooldown

    def holds(self, active: bool, value: float) -> bool:
        """Whether the value meets the comparison, given whether the one before did."""
        op = self.op
        slack = self.hysteresis if active else 0.0
        if op == ABOVE:
            return value >= self.low - slack if slack > 0 else value > self.low
        if op == BELOW:
            return value <= self.low + slack if slack > 0 else value < self.low
        if op == BETWEEN:
            return self.low - slack <= value and value <= self.high + slack
        if op == OUTSIDE:
            return value < self.low + slack or value > self.high - slack
        if op == EQUALS:
            return value == self.low
        if op == NOT_EQUALS:
            return value != self.low
        return True


class Condition:
    """The state of one subscription on one topic."""

    __slots__ = ("active", "due", "fired", "where")

    def __init__(self, where: Where) -> None:
        self.where = where
        self.active = False
        self.due = NEVER  # when it fires unless it ends before
        self.fired = None  # type: int | None

    def feed(self, value: float, now: int) -> bool:
        """Whether the subscription is told of this value."""
        where = self.where
        was = self.active
        self.active = where.holds(was, value)
        return self.decide(was, now)

    def decide(self, was: bool, now: int) -> bool:
        """Whether it fires, after `active` was set; `was` is what it was before."""
        where = self.where
        if not self.active:
            self.due = NEVER
            return False
        if not where.edge:
            return self.may_fire(now)
        if not was and where.lasting:
            self.due = now + where.lasting
            return False
        if now >= self.due:
            self.due = NEVER
            return self.may_fire(now)
        return not was and self.may_fire(now)

    def may_fire(self, now: int) -> bool:
        """Whether a firing is not too soon after the last one; counts it where it is not."""
        cooldown = self.where.cooldown
        if cooldown and self.fired is not None and now - self.fired < cooldown:
            return False
        self.fired = now
        return True


class _Subscription:
    __slots__ = ("filter", "order", "priority", "where")

    def __init__(self, filter: str, priority: int, where: Where, order: int) -> None:
        self.filter = filter
        self.priority = priority
        self.where = where
        self.order = order


class _Topic:
    __slots__ = ("matches", "name", "version")

    def __init__(self, name: str) -> None:
        self.name = name
        self.matches = []  # type: list[tuple[int, _Subscription, Condition]]
        self.version = 0


class Dispatch:
    """Topics, subscriptions and the state between them. Handles are small integers."""

    def __init__(self) -> None:
        self.matched = 0
        self._topics = []  # type: list[_Topic]
        self._subscriptions = []  # type: list[_Subscription | None]
        self._version = 1
        self._orders = 0

    def topic(self, name: str) -> int:
        """Adds a topic; the caller adds each name once."""
        self._topics.append(_Topic(name))
        return len(self._topics) - 1

    def subscribe(self, filter: str, priority: int, where: Where) -> int:
        """Adds a subscription. Higher priorities are told first, equal ones in the order they subscribed."""
        subscription = _Subscription(filter, priority, where, self._orders)
        self._orders += 1
        self._version += 1
        for slot in range(len(self._subscriptions)):
            if self._subscriptions[slot] is None:
                self._subscriptions[slot] = subscription
                return slot
        self._subscriptions.append(subscription)
        return len(self._subscriptions) - 1

    def unsubscribe(self, subscription: int) -> None:
        """Takes a subscription away; its handle is used again."""
        self._subscriptions[subscription] = None
        self._version += 1

    def emit(self, topic: int, value: float, now: int) -> "list[int]":
        """The subscriptions that are told, in order; `matched` says how many filters match the topic."""
        at = self._topics[topic]
        if at.version != self._version:
            self._refresh(at)
        self.matched = len(at.matches)
        return [slot for slot, _, condition in at.matches if condition.feed(value, now)]

    @property
    def deadline(self) -> int:
        """When a lasting condition becomes due; NEVER where none is waiting."""
        return min([condition.due for _, _, _, condition in self._living()] + [NEVER])

    def take_due(self, now: int) -> "tuple[int, int] | None":
        """Takes one lasting condition that is due: its subscription and topic. Those due first come first."""
        while True:
            first = None
            for topic, slot, _, condition in self._living():
                if condition.due <= now and (first is None or condition.due < first[2].due):
                    first = (slot, topic, condition)
            if first is None:
                return None
            first[2].due = NEVER
            if first[2].may_fire(now):
                return first[0], first[1]

    def _living(self) -> "list[tuple[int, int, _Subscription, Condition]]":
        living = []
        for i in range(len(self._topics)):
            for slot, subscription, condition in self._topics[i].matches:
                if self._subscriptions[slot] is subscription and condition.due != NEVER:
                    living.append((i, slot, subscription, condition))
        return living

    def _refresh(self, topic: _Topic) -> None:
        known = {}
        for _, subscription, condition in topic.matches:
            known[subscription.order] = condition
        found = []
        for slot in range(len(self._subscriptions)):
            living = self._subscriptions[slot]
            if living is not None and matches(living.filter, topic.name):
                found.append((slot, living, known.get(living.order) or Condition(living.where)))
        found.sort(key=lambda match: (-match[1].priority, match[1].order))
        topic.matches = found
        topic.version = self._version

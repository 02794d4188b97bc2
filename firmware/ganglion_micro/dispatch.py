# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must know of an event: the twin of native/src/bus.c, for machines where no compiled core fits.

native/include/ganglion.h says what each call means; here is the same, in the plainest way.
"""

from ganglion_micro.topic import Tree

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

ALWAYS = 0
ABOVE = 1
BELOW = 2
BETWEEN = 3
OUTSIDE = 4
EQUALS = 5
NOT_EQUALS = 6
CHANGES = 7

# A test of a predicate is (op, field, symbol, number, integer), as in `gg_test`.
EQ = 0
NE = 1
LT = 2
LE = 3
GT = 4
GE = 5
AND = 6
OR = 7
NOT = 8

VALUE = 0
TIME = 1
PRIORITY = 2
SOURCE = 3

#: No lasting condition is waiting: later than any time (2**63 - 1, as in C).
NEVER = 0x7FFFFFFFFFFFFFFF

_NAN = float("nan")


class Where:
    """What a subscription asks of a value; the fields are those of `gg_where`."""

    __slots__ = ("cooldown", "edge", "high", "hysteresis", "lasting", "low", "op", "symbol")

    def __init__(
        self,
        op: int = ALWAYS,
        low: float = 0.0,
        high: float = 0.0,
        symbol: int = 0,
        edge: bool = False,
        hysteresis: float = 0.0,
        lasting: int = 0,
        cooldown: int = 0,
    ) -> None:
        self.op = op
        self.low = low
        self.high = high
        self.symbol = symbol
        self.edge = edge
        self.hysteresis = hysteresis
        self.lasting = lasting
        self.cooldown = cooldown


def compare(op: int, left: float, right: float) -> bool:
    """One comparison of a test."""
    if op == EQ:
        return left == right
    if op == NE:
        return left != right
    if op == LT:
        return left < right
    if op == LE:
        return left <= right
    if op == GT:
        return left > right
    return left >= right


class _Match:
    """One subscription on one topic, with its state."""

    __slots__ = ("active", "due", "fired", "order", "priority", "started", "subscription", "tests", "topic", "where")

    def __init__(
        self, subscription: int, order: int, priority: int, where: Where, tests: "list[Any]", topic: int
    ) -> None:
        self.tests = tests
        self.subscription = subscription
        self.order = order
        self.priority = priority
        self.where = where
        self.topic = topic
        self.active = False
        self.started = False  # there was a value before
        self.due = NEVER  # when it fires unless the condition ends before
        self.fired = None  # type: int | None

    def _holds(self, number: float, symbol: int, changed: bool) -> bool:
        where = self.where
        op = where.op
        slack = where.hysteresis if self.active else 0.0
        if op == ABOVE:
            return number >= where.low - slack if slack > 0 else number > where.low
        if op == BELOW:
            return number <= where.low + slack if slack > 0 else number < where.low
        if op == BETWEEN:
            return where.low - slack <= number and number <= where.high + slack
        if op == OUTSIDE:
            return number < where.low + slack or number > where.high - slack
        if op == EQUALS:
            return symbol == where.symbol if where.symbol else number == where.low
        if op == NOT_EQUALS:
            return symbol != where.symbol if where.symbol else number != where.low
        if op == CHANGES:
            return self.started and changed
        return True

    def feed(self, number: float, symbol: int, changed: bool, now: int) -> bool:
        """Whether the subscription is told of this value."""
        where = self.where
        was = self.active
        self.active = self._holds(number, symbol, changed)
        self.started = True
        if not self.active:
            self.due = NEVER
            return False
        if not where.edge:
            return self.may_fire(now)
        if not was and where.lasting:
            self.due = min(now + where.lasting, NEVER)
            return False
        if now >= self.due and self.due != NEVER:
            self.due = NEVER
            return self.may_fire(now)
        return not was and self.may_fire(now)

    def may_fire(self, now: int) -> bool:
        """Whether a firing is not too soon after the last one; remembers it where it is not."""
        cooldown = self.where.cooldown
        if cooldown and self.fired is not None and now - self.fired < cooldown:
            return False
        self.fired = now
        return True


class _Topic:
    __slots__ = ("emitted", "last", "matches", "name", "version")

    def __init__(self, name: str) -> None:
        self.name = name
        self.matches = []  # type: list[_Match]
        self.version = 0
        self.emitted = 0
        self.last = None  # type: float | None  # the value before, if it was a number


class Dispatch:
    """Topics, subscriptions and the state between them. Handles are small integers.

    Attributes:
        matched: How many filters matched at the last `emit`.
        sequence: How many events there were.
    """

    def __init__(self) -> None:
        self.matched = 0
        self.sequence = 0
        self._handles = {}  # type: dict[str, int]
        self._topics = []  # type: list[_Topic]
        self._subscriptions = []  # type: list[tuple[str, int, int, Where, list[Any]] | None]
        self._free = []  # type: list[int]
        self._source = 0
        self._priority = 0
        self._filters = Tree()
        self._waiting = []  # type: list[_Match]
        self._version = 1
        self._orders = 0

    def topic(self, name: str) -> int:
        """The handle of a topic."""
        handle = self._handles.get(name)
        if handle is None:
            handle = self._handles[name] = len(self._topics)
            self._topics.append(_Topic(name))
        return handle

    def subscribe(self, filter: str, priority: int, where: Where, tests: "list[Any] | None" = None) -> int:
        """Adds a subscription. Higher priorities are told first, equal ones in the order they subscribed."""
        entry = (filter, self._orders, priority, where, tests or [])
        if self._free:
            slot = self._free.pop()
            self._subscriptions[slot] = entry
        else:
            slot = len(self._subscriptions)
            self._subscriptions.append(entry)
        self._filters.add(filter, slot)
        self._orders += 1
        self._version += 1
        return slot

    def emitted(self, topic: int) -> int:
        """How many events of a topic there were."""
        return self._topics[topic].emitted

    def unsubscribe(self, subscription: int) -> None:
        """Takes a subscription away, with its state; its handle is used again."""
        entry = self._subscriptions[subscription]
        assert entry is not None
        self._filters.remove(entry[0], subscription)
        self._subscriptions[subscription] = None
        self._free.append(subscription)
        self._waiting = [match for match in self._waiting if match.subscription != subscription]
        self._version += 1

    def attributes(self, source: int, priority: int) -> None:
        """The symbol of the source and the priority of all events from now on."""
        self._source = source
        self._priority = priority

    def emit(self, topic: int, number: float, now: int) -> "list[int]":
        """The subscriptions that are told of a number, in order.

        Raises:
            IndexError: no topic has this handle.
        """
        at = self._current(topic)
        last = at.last
        at.last = number
        # NaN is the only number that is not itself
        same = last is not None and (number == last or (number != number and last != last))
        return self._decide(at, number, 0, not same, now)

    def emit_symbol(self, topic: int, symbol: int, changed: bool, now: int) -> "list[int]":
        """The same for what is no number: the symbol that conditions know it by, or 0, and whether it is a new one."""
        at = self._current(topic)
        at.last = None
        return self._decide(at, _NAN, symbol, changed, now)

    def emit_many(
        self, topics: "Sequence[int]", numbers: "Sequence[float]", times: "Sequence[int]", start: int
    ) -> "tuple[int, int, list[int]]":
        """Emits from `start` on until somebody is told: how many, the sum of the filters that match, and who is told.

        Raises:
            IndexError: the first of them has no topic's handle.
        """
        matched = 0
        for at in range(start, len(topics)):
            try:
                fired = self.emit(topics[at], numbers[at], times[at])
            except IndexError:
                if at == start:
                    raise
                return at - start, matched, []
            matched += self.matched
            if fired:
                return at + 1 - start, matched, fired
        return len(topics) - start, matched, []

    @property
    def deadline(self) -> int:
        """When the first of the lasting conditions becomes due; NEVER where none is waiting."""
        return min([match.due for match in self._waiting] + [NEVER])

    def take_due(self, now: int) -> "tuple[int, int] | None":
        """Takes one lasting condition that is due: its subscription and topic. Those due first come first."""
        while self._waiting:
            first = min(self._waiting, key=lambda match: (match.due, -match.priority, match.order, match.topic))
            if first.due > now:
                break
            first.due = NEVER
            self._waiting.remove(first)
            if first.may_fire(now):
                return first.subscription, first.topic
        return None

    def _decide(self, topic: _Topic, number: float, symbol: int, changed: bool, now: int) -> "list[int]":
        self.matched = len(topic.matches)
        self.sequence += 1
        topic.emitted += 1
        fired = []
        for match in topic.matches:
            if match.tests and not self._passes(match.tests, number, symbol, now):
                continue
            due = match.due
            if match.feed(number, symbol, changed, now):
                fired.append(match.subscription)
            if due != match.due:
                if due != NEVER:
                    self._waiting.remove(match)
                if match.due != NEVER:
                    self._waiting.append(match)
        return fired

    def _passes(self, tests: "list[Any]", number: float, symbol: int, now: int) -> bool:
        stack = []  # type: list[bool]
        for op, field, wanted, limit, integer in tests:
            if op == NOT:
                stack.append(not stack.pop())
            elif op in (AND, OR):
                right = stack.pop()
                left = stack.pop()
                stack.append((left and right) if op == AND else (left or right))
            elif field == TIME:
                stack.append(compare(op, now, integer))
            elif field == PRIORITY:
                stack.append(compare(op, self._priority, integer))
            elif field == SOURCE:
                stack.append(compare(op, self._source, wanted))
            elif wanted:
                stack.append(compare(op, symbol, wanted))
            else:
                stack.append(compare(op, number, limit))
        return stack[0]

    def _current(self, handle: int) -> _Topic:
        """A topic with its matches as they are now; the state of those that stay is kept."""
        if handle < 0:
            raise IndexError("no topic has the handle {}".format(handle))
        topic = self._topics[handle]
        if topic.version != self._version:
            known = {match.order: match for match in topic.matches}
            matches = []
            for slot in self._filters.match(topic.name):
                entry = self._subscriptions[slot]
                assert entry is not None
                _, order, priority, where, tests = entry
                matches.append(known.get(order) or _Match(slot, order, priority, where, tests, handle))
            matches.sort(key=lambda match: (-match.priority, match.order))
            topic.matches = matches
            topic.version = self._version
        return topic

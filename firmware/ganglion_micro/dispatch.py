# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must know of an event: the twin of bus.c, matches.c and emit.c in native/src, where no compiled core fits.

native/include/ganglion.h says what each call means; here is the same, in the plainest way.
"""

from ganglion_micro.filter import has_bits
from ganglion_micro.match import KEPT, NEVER, NOTHING, Match, Where
from ganglion_micro.topic import Tree, matches

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# A test of a predicate is (op, field, symbol, number, integer), as in `gg_test`.
EQ = 0
NE = 1
LT = 2
LE = 3
GT = 4
GE = 5
ALL_SET = 6
ANY_SET = 7
AND = 8
OR = 9
NOT = 10

VALUE = 0
TIME = 1
PRIORITY = 2
SOURCE = 3

#: In place of a count: there is no such topic.
NO_TOPIC = -2
#: In place of a count: something is due at this time or before, and is taken first.
DUE = -4

_NAN = float("nan")


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


class _Topic:
    __slots__ = ("emitted", "last", "matches", "name", "type", "version")

    def __init__(self, name: str) -> None:
        self.name = name
        self.type = ""
        self.matches = []  # type: list[Match]
        self.version = 0
        self.emitted = 0
        self.last = None  # type: float | None  # the value before, if it was a number


class Dispatch:
    """Topics, subscriptions and the state between them. Handles are small integers.

    Attributes:
        matched: How many filters matched at the last `emit`.
        fired: Who is told of it, or keeps it: (subscription, number, whether it is kept), in the order they are told.
        sequence: How many events there were.
    """

    def __init__(self) -> None:
        self.matched = 0
        self.fired = []  # type: list[tuple[int, float, bool]]
        self.sequence = 0
        self._handles = {}  # type: dict[str, int]
        self._topics = []  # type: list[_Topic]
        self._subscriptions = []  # type: list[tuple[str, int, int, Where, list[Any]] | None]
        self._free = []  # type: list[int]
        self._source = 0
        self._priority = 0
        self._types = {}  # type: dict[int, str]  # filters, by subscription
        self._type_handles = {}  # type: dict[str, int]
        self._filters = Tree()
        self._waiting = []  # type: list[Match]
        self._version = 1
        self._orders = 0

    def topic(self, name: str) -> int:
        """The handle of a topic."""
        handle = self._handles.get(name)
        if handle is None:
            handle = self._handles[name] = len(self._topics)
            self._topics.append(_Topic(name))
        return handle

    def type(self, topic: int, type: str) -> int:
        """Says of what type the events of a topic are, with a slash for each dot; returns the handle of the type.

        Raises:
            IndexError: no topic has this handle.
        """
        at = self._topics[topic]
        at.type = type
        at.version = 0
        return self._type_handles.setdefault(type, len(self._type_handles) + 1)

    def restrict(self, subscription: int, type: str) -> None:
        """Has a subscription be told of topics only whose type matches a filter, written as one of topics."""
        self._types[subscription] = type
        self._version += 1

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
        self._types.pop(subscription, None)
        self._free.append(subscription)
        self._waiting = [match for match in self._waiting if match.subscription != subscription]
        self._version += 1

    def attributes(self, source: int, priority: int) -> None:
        """The symbol of the source and the priority of all events from now on."""
        self._source = source
        self._priority = priority

    def emit(self, topic: int, number: float, now: int) -> int:
        """Decides who is told of a number. Returns how many `fired` has, or DUE.

        Raises:
            IndexError: no topic has this handle.
        """
        at = self._topic(topic)
        if self.deadline <= now and self._waiting:
            return DUE
        last = at.last
        at.last = number
        # NaN is the only number that is not itself
        same = last is not None and (number == last or (number != number and last != last))
        return self._decide(at, number, 0, not same, now)

    def emit_symbol(self, topic: int, symbol: int, changed: bool, now: int) -> int:
        """The same for what is no number: the symbol that conditions know it by, or 0, and whether it is a new one."""
        at = self._topic(topic)
        if self.deadline <= now and self._waiting:
            return DUE
        at.last = None
        return self._decide(at, _NAN, symbol, changed, now)

    def emit_many(
        self, topics: "Sequence[int]", numbers: "Sequence[float]", times: "Sequence[int]", start: int
    ) -> "tuple[int, int, int]":
        """Emits from `start` on until somebody is told: how many, the sum of the filters that match, how many are told.

        The third is DUE where something is due before the next one.

        Raises:
            IndexError: the first of them has no topic's handle.
        """
        matched = 0
        for at in range(start, len(topics)):
            try:
                count = self.emit(topics[at], numbers[at], times[at])
            except IndexError:
                if at == start:
                    raise
                return at - start, matched, 0
            if count == DUE:
                return at - start, matched, DUE
            matched += self.matched
            if count:
                return at + 1 - start, matched, count
        return len(topics) - start, matched, 0

    @property
    def deadline(self) -> int:
        """When the first of those that wait is due; NEVER where none is waiting."""
        if not self._waiting:
            return NEVER
        return min([match.due for match in self._waiting])

    def take_due(self, now: int) -> "tuple[int, int, int] | None":
        """Takes one that is due: its subscription, topic and time. Those due first come first."""
        while self._waiting:
            first = min(self._waiting, key=lambda match: (match.due, -match.priority, match.order, match.topic))
            due = first.due
            if due > now:
                break
            first.due = NEVER
            self._waiting.remove(first)
            if first.may_fire(due):
                return first.subscription, first.topic, due
        return None

    def _decide(self, topic: _Topic, number: float, symbol: int, changed: bool, now: int) -> int:
        self.matched = len(topic.matches)
        self.sequence += 1
        topic.emitted += 1
        self.fired = fired = []
        for match in topic.matches:
            if match.is_plain:
                fired.append((match.subscription, number, False))
                continue
            if match.tests and not self._passes(match.tests, number, symbol, now):
                continue
            due = match.due
            answer = match.feed(number, symbol, changed, now)
            if answer != NOTHING:
                fired.append((match.subscription, match.number, answer == KEPT))
            if due != match.due:
                if due != NEVER:
                    self._waiting.remove(match)
                if match.due != NEVER:
                    self._waiting.append(match)
        return len(fired)

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
            elif op in (ALL_SET, ANY_SET):
                stack.append(has_bits(number, integer, op == ALL_SET))
            elif wanted:
                stack.append(compare(op, symbol, wanted))
            else:
                stack.append(compare(op, number, limit))
        return stack[0]

    def _topic(self, handle: int) -> _Topic:
        """A topic with its matches as they are now; the state of those that stay is kept."""
        if handle < 0:
            raise IndexError("no topic has the handle {}".format(handle))
        topic = self._topics[handle]
        if topic.version != self._version:
            known = {match.order: match for match in topic.matches}
            found = []
            for slot in self._filters.match(topic.name):
                entry = self._subscriptions[slot]
                assert entry is not None
                wanted = self._types.get(slot)
                if wanted is not None and not (topic.type and matches(wanted, topic.type)):
                    continue
                _, order, priority, where, tests = entry
                found.append(known.get(order) or Match(slot, order, priority, where, tests, handle))
            found.sort(key=lambda match: (-match.priority, match.order))
            gone = [match for match in topic.matches if match.due != NEVER and match not in found]
            if gone:  # the type of the topic has changed
                self._waiting = [match for match in self._waiting if match not in gone]
            topic.matches = found
            topic.version = self._version
        return topic

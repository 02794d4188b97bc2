# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that wait for who takes them in their own time: bounded, the urgent first, and no loss without a count.

`ganglion.reader.Reader` awaits them on an event loop.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import index

from ganglion.bus.outcome import Outcome
from ganglion.event import Event, Priority

#: Events that a queue may be made for: `GG_QUEUE` of native/include/ganglion.h.
MOST = 1 << 20


class Overflow(Enum):
    """What gives way where a queue is full."""

    DROP_OLDEST = "drop_oldest"
    """The oldest of the least urgent; what comes, where it is less urgent than all that wait."""
    DROP_NEWEST = "drop_newest"
    """What comes."""
    LATEST = "latest"
    """The event before on the same topic, full or not; beyond that as DROP_OLDEST."""
    REFUSE = "refuse"
    """Nothing: `Bus.emit` raises, and nobody is told of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatistics:
    """What happened to a queue.

    Attributes:
        waiting: Events in it now.
        put: Events that went in.
        dropped: Events that were lost: before they went in, or after.
        most: The most that ever waited.
    """

    waiting: int
    put: int
    dropped: int
    most: int


class Queue:
    """A bounded queue with a line for each priority. Not for several threads.

    Args:
        capacity: Events, 1 to `MOST`.
        overflow: What gives way when there are more.

    Attributes:
        is_closed: Whether nothing more will come.
        on_news: Called when an event came, and when it is closed; at least once before something waits.

    Raises:
        ValueError: the capacity is another.
    """

    def __init__(self, capacity: int, overflow: Overflow) -> None:
        overflow = Overflow(overflow)
        if not 1 <= index(capacity) <= MOST:
            raise ValueError(f"a queue has room for 1 to {MOST} events, not for {capacity}")
        self.capacity = capacity
        self.overflow = overflow
        self.is_closed = False
        self.on_news: Callable[[], None] | None = None
        self._make_lines()

    def _make_lines(self) -> None:
        # By priority, each in the order of arrival: by a number, or where only the latest counts by topic.
        self._lines: list[OrderedDict[int | str, Event]] = [OrderedDict() for _ in Priority]
        self._waiting = self._put = self._dropped = self._most = 0

    def __len__(self) -> int:
        return self._waiting

    @property
    def is_full(self) -> bool:
        """Whether one more is one too many."""
        return self._waiting >= self.capacity

    def put(self, event: Event) -> Outcome | None:
        """Takes an event; says whether something was lost for it."""
        line = self._lines[min(max(event.priority, 0), 3)]
        key: int | str = self._put
        if self.overflow is Overflow.LATEST:
            key = event.topic
            for other in self._lines:
                if (before := other.pop(key, None)) is not None:
                    self._waiting -= 1
                    self._go_in(line, key, event)
                    self._dropped += 1
                    del before  # not sooner: what is freed with it may put something in
                    return Outcome.REPLACED
        if self._waiting < self.capacity:
            self._go_in(line, key, event)
            return None
        self._dropped += 1
        if self.overflow in (Overflow.DROP_NEWEST, Overflow.REFUSE):
            return Outcome.LOST
        least = next(each for each in self._lines if each)
        if self._lines.index(least) > max(event.priority, 0):
            return Outcome.LOST
        lost = least.popitem(last=False)
        self._waiting -= 1
        self._go_in(line, key, event)
        del lost
        return Outcome.REPLACED

    def _go_in(self, line: "OrderedDict[int | str, Event]", key: int | str, event: Event) -> None:
        line[key] = event
        self._put += 1
        self._waiting += 1
        self._most = max(self._most, self._waiting)
        self._tell()

    def drain(self) -> list[Event]:
        """Takes all that wait: the most urgent first, and of one priority in the order they came."""
        events: deque[Event] = deque()
        for line in self._lines:
            events.extendleft(reversed(line.values()))
            line.clear()
        self._waiting = 0
        return list(events)

    def take(self) -> Event | None:
        """Takes the most urgent of those that wait; None where nothing does."""
        for line in reversed(self._lines):
            if line:
                event: Event = line.popitem(last=False)[1]
                self._waiting -= 1
                return event
        return None

    def close(self) -> None:
        """Says that nothing more will come; what waits may still be taken."""
        self.is_closed = True
        self._tell()

    def statistics(self) -> QueueStatistics:
        """What happened so far."""
        return QueueStatistics(waiting=self._waiting, put=self._put, dropped=self._dropped, most=self._most)

    def _tell(self) -> None:
        if self.on_news is not None:
            self.on_news()

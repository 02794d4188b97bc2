# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue in C, for numbers that never meet Python before they are taken."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from ganglion._native import ffi, lib
from ganglion.bus.memory import owned
from ganglion.bus.outcome import Outcome
from ganglion.bus.queue import Overflow, Queue, QueueStatistics
from ganglion.bus.record import IN_SLOT, RECORD, Record, records
from ganglion.bus.twin import Topics
from ganglion.event import Event, Priority

_OVERFLOWS = {
    Overflow.DROP_OLDEST: lib.GG_DROP_OLDEST,
    Overflow.DROP_NEWEST: lib.GG_DROP_NEWEST,
    Overflow.LATEST: lib.GG_LATEST,
    Overflow.REFUSE: lib.GG_REFUSE,
}
_OUTCOMES = {lib.GG_PUT: None, lib.GG_REPLACED: Outcome.REPLACED, lib.GG_LOST: Outcome.LOST}
_PRIORITIES = tuple(Priority)

#: Records that are taken in one call.
_BATCH = 256


class NativeQueue(Queue):
    """See `Queue`.

    Args:
        topics: Of the bus.
        slots: Of all queues of the bus: events that do not fit a record, by the number in it: values that are no
            floats, and sources. The fast lane puts them there under numbers of its own, from 0 up.
        numbers: New ones for the slots of all queues, below 0.

    Attributes:
        pointer: The `gg_queue`.
    """

    def __init__(
        self,
        capacity: int,
        overflow: Overflow,
        topics: Topics,
        slots: dict[int, Event],
        numbers: Iterator[int],
    ) -> None:
        super().__init__(capacity, overflow)
        self._topics = topics
        self._slots = slots
        self._numbers = numbers

    def _make_lines(self) -> None:
        self.pointer: Any = lib.gg_queue_new(self.capacity, _OVERFLOWS[self.overflow])
        self._owner = owned(self.pointer, "gg_queue_free")
        self._records: Any = ffi.new("gg_record[]", min(_BATCH, self.capacity))
        self._lost: Any = ffi.new("gg_record *")
        self._left: deque[Event] = deque()  # since it is closed

    def __len__(self) -> int:
        return int(lib.gg_queue_counts(self.pointer).waiting) + len(self._left)

    @property
    def is_full(self) -> bool:
        return len(self) >= self.capacity

    def put(self, event: Event) -> Outcome | None:
        slot = next(self._numbers)
        self._slots[slot] = event
        topic = self._topics.handles[event.topic]
        record = RECORD.pack(topic, 0, 0, slot, 0, event.timestamp, 0, 0.0, 1.0, event.priority, IN_SLOT, 0)
        outcome = _OUTCOMES[lib.gg_queue_put(self.pointer, ffi.from_buffer("gg_record *", record), self._lost)]
        if outcome is not None and self._lost.flags & IN_SLOT:
            del self._slots[self._lost.slot]
        if outcome is not Outcome.LOST:
            self._tell()
        return outcome

    def take(self) -> Event | None:
        if self._left:
            return self._left.popleft()
        return next(iter(self._take(1)), None)

    def drain(self) -> list[Event]:
        events = list(self._left)
        self._left.clear()
        while some := self._take(len(self._records)):
            events += some
        return events

    def close(self) -> None:
        self._left.extend(self.drain())  # its slots are the bus's
        super().close()

    def statistics(self) -> QueueStatistics:
        counts = lib.gg_queue_counts(self.pointer)
        return QueueStatistics(waiting=len(self), put=counts.put, dropped=counts.dropped, most=counts.most)

    def _take(self, most: int) -> list[Event]:
        taken = lib.gg_queue_take(self.pointer, self._records, most)
        data = ffi.buffer(self._records, taken * RECORD.size) if taken else b""
        return [self._event(record) for record in records(data)]

    def _event(self, record: Record) -> Event:
        if record.flags & IN_SLOT:
            return self._slots.pop(record.slot)
        priority = record.priority
        known = _PRIORITIES[priority] if 0 <= priority < len(_PRIORITIES) else priority
        return Event(self._topics.names[record.topic], record.value, record.wall, "", known)

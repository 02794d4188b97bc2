# SPDX-License-Identifier: GPL-3.0-or-later
"""The native core: what is rare through cffi, what happens once an event through native/python/lane.c.

The import fails where the build has no native module, or where cffi is not installed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any

from ganglion._native import ffi, lane, lib
from ganglion.bus.delivery import Callback
from ganglion.bus.memory import address, owned
from ganglion.bus.native_queue import NativeQueue
from ganglion.bus.outcome import Emitted, Outcome
from ganglion.bus.queue import Overflow, Queue
from ganglion.bus.record import RECORD
from ganglion.bus.twin import Routes, Test, Topics
from ganglion.event import Event, Priority
from ganglion_micro.match import Where


class Core:
    """Topics, subscriptions and the state between them, in C: native/include/ganglion.h says what each call means.

    Args:
        topics: What the bus knows of its topics; the core reads it, and writes `last` when it is to remember.
        kept: Gets the events that subscriptions keep until they are due, by `delivery.key`.
        slowly: `Bus.emit` in Python, for what the fast lane leaves to it.
        broken: Told of a handle and of what its callback raised.
        clock: Of events without a timestamp.

    Attributes:
        emit: `Bus.emit`.
        send: `send(event, topic, number, symbol, changed)`: decides who is told, and tells them; `number` is None for
            a value that is none. An `Emitted`, or a `gg_failure`. It is noted as the topic's last if asked.
        tell: `tell(handle, event)`: tells one.
        counts: As `Delivery.counts`.
        take: `Bus.take`.
        adapt: `adapt(is_slow, remembers, has_symbols)`: all events are for `slowly`; each is to be noted in `last`;
            conditions compare with values that are no numbers.
    """

    emit: Callable[..., Emitted]
    send: Callable[[Event, int, float | None, int, bool], Emitted | int]
    tell: Callable[[int, Event], None]
    counts: Callable[[int], tuple[int, int]]
    adapt: Callable[[bool, bool, bool], None]
    take: Callable[[list[Any], Routes, int, Callable[[Any, int], None]], None]

    def __init__(
        self,
        topics: Topics,
        kept: dict[int, Event],
        slowly: Callable[..., Emitted],
        broken: Callable[[int, Exception], None],
        clock: Callable[[], int] | None,
    ) -> None:
        self._bus = lib.gg_bus_new()
        self.attributes = partial(lib.gg_bus_attributes, self._bus)
        self.emitted = partial(lib.gg_bus_emitted, self._bus)
        self.sequence = partial(lib.gg_bus_sequence, self._bus)
        self._topics = topics
        self._callbacks: list[Callback | None] = []
        self._slots: dict[int, Event] = {}
        self._slot_numbers = count(-1, -1)
        self._news: dict[int, Callable[[], None]] = {}
        parts = lane(
            address(self._bus),
            owned(self._bus, "gg_bus_free"),
            topics.handles,
            topics.names,
            topics.last,
            self._callbacks,
            kept,
            self._slots,
            self._news,
            slowly,
            broken,
            Event,
            Emitted,
            Outcome.REPLACED,
            Outcome.LOST,
            Outcome.UNWANTED,
            "",
            Priority.NORMAL,
            clock,
            "timestamp",
            "source",
            "priority",
        )
        self.emit, self.send, self._batch, self.tell, self._renew, *more = parts
        self.counts, self._totals, self.adapt, self.take = more
        self._due: Any = ffi.new("gg_due *")

    def attach(self, handle: int, callback: Callback, has_window: bool) -> None:
        """See `Delivery.attach`."""
        if handle == len(self._callbacks):
            self._callbacks.append(None)
        self._callbacks[handle] = callback
        self._renew(handle, has_window)

    def queue(self, capacity: int, overflow: Overflow) -> Queue:
        """A new one."""
        return NativeQueue(capacity, overflow, self._topics, self._slots, self._slot_numbers)

    def attach_queue(self, handle: int, queue: Queue) -> bool:
        """Has a subscription's events go into a queue of this core without its callback. Whether they do."""
        assert isinstance(queue, NativeQueue)
        _handle(lib.gg_bus_queue(self._bus, handle, queue.pointer))
        self._news[handle] = queue._tell
        return True

    def detach(self, handle: int) -> None:
        """See `Delivery.detach`."""
        self._news.pop(handle, None)
        self._callbacks[handle] = None
        self._renew(handle, False)

    def totals(self) -> tuple[int, int, int]:
        """Delivered, dropped and failed."""
        totals: Emitted = self._totals()
        return totals.delivered, totals.dropped, totals.failed

    def emit_many(
        self,
        topics: "memoryview[int]",
        numbers: "memoryview[float]",
        times: "memoryview[int]",
        start: int,
        source: str,
        priority: int,
    ) -> tuple[int, int, Emitted]:
        """Emits from `start` on until somebody is told, and tells them.

        Returns:
            How many it took, the `gg_failure` of the next or 0, and what became of them.
        """
        buffers = [ffi.from_buffer(each) for each in (topics, numbers, times)]
        done: tuple[int, int, Emitted] = self._batch(*map(address, buffers), start, len(topics), source, priority)
        return done

    def topic(self, name: str) -> int:
        data = name.encode()
        return _handle(lib.gg_bus_topic(self._bus, data, len(data)))

    def type(self, topic: int, type: str) -> int:
        data = type.encode()
        return _handle(lib.gg_bus_type(self._bus, topic, data, len(data)))

    def restrict(self, subscription: int, type: str) -> None:
        data = type.encode()
        _handle(lib.gg_bus_restrict(self._bus, subscription, data, len(data)))

    def subscribe(self, filter: str, priority: int, where: Where, tests: Sequence[Test]) -> int:
        data = filter.encode()
        fields = {
            "op": where.op,
            "edge": where.edge,
            "low": where.low,
            "high": where.high,
            "symbol": where.symbol,
            "hysteresis": where.hysteresis,
            "lasting": where.lasting,
            "cooldown": where.cooldown,
            "debounce": where.debounce,
            "sample": where.sample,
            "statistic": where.statistic,
            "capacity": where.capacity,
            "span": where.span,
        }
        condition, predicate = ffi.new("gg_where *", fields), ffi.new("gg_test[]", list(tests))
        return _handle(lib.gg_bus_subscribe(self._bus, data, len(data), priority, condition, predicate, len(tests)))

    def unsubscribe(self, subscription: int) -> None:
        lib.gg_bus_unsubscribe(self._bus, subscription)

    @property
    def deadline(self) -> int:
        return int(lib.gg_bus_deadline(self._bus))

    def take_due(self, now: int) -> tuple[int, int, int] | None:
        due = self._due
        return (due.subscription, due.topic, due.time) if lib.gg_bus_take_due(self._bus, now, due) else None


class Mailbox:
    """The ring of an inbox in C, which takes no lock and whose `put` a C library may call. See `inbox.Mailbox`.

    Attributes:
        address: Of the `gg_inbox`.
        put_address: Of `gg_inbox_put`, for C: `int (gg_inbox *, const gg_record *)`.
    """

    def __init__(self, capacity: int, wake: int) -> None:
        self._inbox = lib.gg_inbox_new(capacity, wake)
        self._owner = owned(self._inbox, "gg_inbox_free")
        self._taken: Any = ffi.new("gg_record[]", 256)
        self.address = address(self._inbox)
        self.put_address = address(ffi.addressof(lib, "gg_inbox_put"))

    @property
    def dropped(self) -> int:
        return int(lib.gg_inbox_dropped(self._inbox))

    def put(self, record: bytes) -> bool:
        return bool(lib.gg_inbox_put(self._inbox, ffi.from_buffer("gg_record *", record)))

    def take(self) -> bytes:
        count = lib.gg_inbox_take(self._inbox, self._taken, len(self._taken))
        return bytes(ffi.buffer(self._taken, count * RECORD.size))


def _handle(handle: int) -> int:
    if handle == -3:
        raise ValueError("the tests of a subscription are no predicate")
    if handle == -5:
        raise ValueError("the condition of a subscription contradicts itself")
    if handle < 0:
        raise MemoryError("the bus has no memory for another topic or subscription")
    return int(handle)

# SPDX-License-Identifier: GPL-3.0-or-later
"""inbox: events of other threads reach the bus on its own, in order, each once, and what finds no room is counted."""

import asyncio
import ctypes
import os
import select
import sys
import threading
from itertools import pairwise

import pytest

from ganglion.bus import Bus, Overflow
from ganglion.bus.record import RECORD
from ganglion.event import Event, Priority
from ganglion.inbox import Inbox


@pytest.fixture(params=["native", "python"])
def bus(request) -> Bus:
    return Bus(backend=request.param)


@pytest.fixture
def inbox(bus):
    with_room_for_eight = Inbox(bus, capacity=8)
    yield with_room_for_eight
    with_room_for_eight.close()


def is_readable(inbox: Inbox) -> bool:
    return bool(select.select([inbox], [], [], 0)[0])


def test_what_is_posted_comes_when_it_is_drained_and_as_it_was(bus, inbox):
    events: list[Event] = []
    bus.subscribe("#", events.append)
    topic = bus.topic("mic/level")
    value = {"rms": [1, 2]}
    assert inbox.post(topic, -30.5, timestamp=5)
    assert inbox.post(topic, value, timestamp=6, source="mic", priority=Priority.HIGH)
    assert inbox.post(topic, 7, timestamp=7)
    assert (events, is_readable(inbox)) == ([], True)
    assert inbox.drain() == 3
    assert events == [
        Event("mic/level", -30.5, 5),
        Event("mic/level", value, 6, "mic", Priority.HIGH),
        Event("mic/level", 7, 7),
    ]
    assert type(events[2].value) is int
    assert events[1].value is value
    assert (inbox.drain(), is_readable(inbox)) == (0, False)


def test_what_finds_no_room_is_refused_and_counted_and_not_held(bus, inbox):
    topic = bus.topic("t")
    value = object()
    before = sys.getrefcount(value)
    assert [inbox.post(topic, value) for _ in range(10)] == [True] * 8 + [False] * 2
    assert (inbox.dropped, sys.getrefcount(value)) == (2, before + 8)
    assert inbox.drain() == 8
    assert sys.getrefcount(value) == before
    assert inbox.post(topic, 1.0)


def test_a_handle_of_no_topic_stops_nobody(bus, inbox, caplog):
    events: list[Event] = []
    bus.subscribe("#", events.append)
    inbox.post(77, 1.0)
    inbox.post(bus.topic("t"), 2.0)
    assert inbox.drain() == 2
    assert [event.value for event in events] == [2.0]
    assert "no topic of this bus has the handle 77" in caplog.text


@pytest.mark.parametrize("wrong", [{"topic": "t"}, {"topic": 2**31}, {"timestamp": 2**63}, {"priority": "high"}])
def test_what_does_not_fit_a_record_is_refused(inbox, wrong):
    arguments = {"topic": 0, "value": 1.0, **wrong}
    with pytest.raises(ValueError, match="does not fit a record"):
        inbox.post(arguments.pop("topic"), arguments.pop("value"), **arguments)
    assert inbox.drain() == 0


def test_a_callback_that_posts_does_not_keep_the_loop_for_itself(bus, inbox):
    topic = bus.topic("t")
    bus.subscribe("t", lambda event: inbox.post(topic, event.value + 1))
    inbox.post(topic, 0.0)
    assert inbox.drain() == 8
    assert is_readable(inbox)


async def test_threads_wake_the_loop_and_keep_their_order(bus):
    inbox, each, threads = Inbox(bus, capacity=64), 2000, 3
    seen: dict[str, list[int]] = {str(i): [] for i in range(threads)}
    everything = asyncio.Event()

    def told(event: Event) -> None:
        seen[event.topic].append(event.value)
        assert threading.current_thread() is threading.main_thread()
        if sum(map(len, seen.values())) == each * threads:
            everything.set()

    bus.subscribe("#", told)
    handles = [bus.topic(str(i)) for i in range(threads)]

    def produce(handle: int) -> None:
        for i in range(each):
            while not inbox.post(handle, i if i % 2 else float(i)):
                os.sched_yield()

    asyncio.get_running_loop().add_reader(inbox, inbox.drain)
    workers = [threading.Thread(target=produce, args=[handle]) for handle in handles]
    for worker in workers:
        worker.start()
    async with asyncio.timeout(30):
        await everything.wait()
    for worker in workers:
        worker.join()
    asyncio.get_running_loop().remove_reader(inbox)
    inbox.close()
    assert all(len(values) == each and all(a < b for a, b in pairwise(values)) for values in seen.values())


def test_a_record_is_as_long_and_laid_out_as_the_header_says():
    from ganglion._native import ffi

    assert RECORD.size == ffi.sizeof("gg_record") == 64
    data = RECORD.pack(1, 2, 3, 4, 5, 6, 7, 8.5, 0.5, 9, 10, 0)
    record = ffi.from_buffer("gg_record *", data)
    names = ["topic", "type", "source", "slot", "sequence", "wall", "monotonic", "value", "confidence", "priority"]
    assert [getattr(record, name) for name in [*names, "flags", "reserved"]] == [
        *(1, 2, 3, 4, 5, 6, 7, 8.5, 0.5, 9, 10, 0)
    ]


@pytest.mark.parametrize("capacity", [1, 2, 3])
def test_the_smallest_inboxes_work(bus, capacity):
    small, told = Inbox(bus, capacity=capacity), list[float]()
    bus.subscribe("#", lambda event: told.append(event.value))
    room = 4 if capacity == 3 else 2
    for _ in range(3):
        posted = [small.post(bus.topic("t"), float(i)) for i in range(room + 1)]
        assert posted == [True] * room + [False]
        while is_readable(small):
            small.drain()
    assert told == [float(i) for i in range(room)] * 3
    assert small.dropped == 3
    small.close()


def test_what_a_queue_refuses_is_counted(bus, inbox):
    bus.queue("#", capacity=1, overflow=Overflow.REFUSE)
    topic = bus.topic("t")
    for _ in range(5):
        inbox.post(topic, 1.0)
    inbox.drain()
    assert inbox.dropped == 4


def test_an_interrupt_loses_only_what_it_interrupts(bus, inbox):
    told = []

    def stops_once(event: Event) -> None:
        told.append(event.value)
        if len(told) == 1:
            raise KeyboardInterrupt

    bus.subscribe("#", stops_once)
    for i in range(3):
        inbox.post(bus.topic("t"), float(i))
    with pytest.raises(KeyboardInterrupt):
        inbox.drain()
    assert is_readable(inbox)
    inbox.drain()
    assert told == [0.0, 1.0, 2.0]
    assert not is_readable(inbox)


def test_a_c_library_may_put_records_in_by_address(inbox, bus):
    if bus.backend != "native":
        return
    told: list[Event] = []
    bus.subscribe("#", told.append)
    put = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(inbox.mailbox.put_address)
    record = RECORD.pack(bus.topic("t"), 0, 0, 0, 0, 7, 0, 2.5, 1.0, 1, 0, 0)
    assert put(inbox.mailbox.address, record) == 1
    assert is_readable(inbox)
    inbox.drain()
    assert [(event.value, event.timestamp) for event in told] == [(2.5, 7)]

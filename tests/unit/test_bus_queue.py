# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: queues are bounded, the urgent go first, and every loss is counted and said, on both cores."""

import asyncio
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import BACKENDS, Bus, Filter, Op, Overflow, Queue, Where
from ganglion.errors import RefusedError
from ganglion.event import Event, Priority
from ganglion.reader import Reader


@pytest.fixture(params=BACKENDS)
def bus(request) -> Bus:
    return Bus(backend=request.param)


def emit(bus: Bus, *values: object, topic: str = "t", priority: int = Priority.NORMAL) -> list[tuple[int, int]]:
    """Delivered and dropped, of each."""
    made = [bus.emit(topic, value, timestamp=0, priority=priority) for value in values]
    return [(each.delivered, each.dropped) for each in made]


def values(queue: Queue) -> list[object]:
    return [event.value for event in queue.drain()]


def test_the_oldest_gives_way(bus):
    _, queue = bus.queue("t", capacity=2)
    assert emit(bus, 1, 2, 3) == [(1, 0), (1, 0), (1, 1)]
    assert values(queue) == [2, 3]
    assert queue.statistics().dropped == bus.statistics().dropped == 1


def test_the_newest_gives_way(bus):
    _, queue = bus.queue("t", capacity=2, overflow=Overflow.DROP_NEWEST)
    assert emit(bus, 1, 2, 3) == [(1, 0), (1, 0), (0, 1)]
    assert values(queue) == [1, 2]
    assert bus.statistics().delivered == 2


def test_only_the_latest_of_each_topic_is_kept(bus):
    _, queue = bus.queue("+", capacity=2, overflow=Overflow.LATEST)
    assert emit(bus, 1, 2, topic="a") == [(1, 0), (1, 1)]
    assert emit(bus, 3, topic="b") == [(1, 0)]
    assert emit(bus, 4, topic="a", priority=Priority.HIGH) == [(1, 1)]
    assert emit(bus, 5, topic="c") == [(1, 1)]
    assert values(queue) == [4, 5]


def test_a_queue_that_refuses_tells_the_emitter_and_nobody_else(bus):
    heard: list[Event] = []
    bus.subscribe("#", heard.append, where=Where(op=Op.CHANGES))
    subscription, queue = bus.queue("a/+", capacity=1, overflow=Overflow.REFUSE)
    emit(bus, 1, topic="a/b")
    with pytest.raises(RefusedError, match=r"queue of a/\+ is full with 1 events: nobody is told of a/c"):
        emit(bus, 2, topic="a/c")
    emit(bus, 3, topic="other")
    assert (heard, bus.statistics().emitted) == ([], 2)
    assert values(queue) == [1]
    emit(bus, 4, topic="a/c")
    subscription.close()
    emit(bus, 5, topic="a/c")


def test_the_urgent_go_first_and_the_less_urgent_give_way(bus):
    _, queue = bus.queue("t", capacity=3)
    emit(bus, "low", priority=Priority.LOW)
    emit(bus, "urgent", priority=Priority.URGENT)
    emit(bus, "normal")
    assert emit(bus, "high", priority=Priority.HIGH) == [(1, 1)]
    assert emit(bus, "late", priority=Priority.LOW) == [(0, 1)]
    assert values(queue) == ["urgent", "high", "normal"]


async def test_a_queue_is_read_as_it_fills_and_ends_when_it_is_closed(bus):
    subscription, queue = bus.queue("t", matching=Filter({"value": {"$gt": 1}}))
    taken: list[object] = []

    async def read() -> None:
        async for event in Reader(queue):
            taken.append(event.value)  # noqa: PERF401 - looked at meanwhile

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    emit(bus, 1, 2, 3)
    await asyncio.sleep(0.01)
    assert taken == [2, 3]
    emit(bus, 4)
    subscription.close()
    await asyncio.wait_for(task, 5)
    assert taken == [2, 3, 4]
    assert [event async for event in Reader(queue)] == []


async def test_waiting_ends_with_the_first_event(bus):
    _, queue = bus.queue("t")
    waiting = asyncio.create_task(Reader(queue).wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    emit(bus, 1)
    await asyncio.wait_for(waiting, 5)
    assert queue.take() == Event("t", 1, 0)
    assert queue.take() is None


def test_a_lasting_condition_reaches_a_queue(bus):
    _, queue = bus.queue("t", where=Where(op=Op.ABOVE, low=8, edge=True, lasting=5), capacity=1)
    emit(bus, 9)
    assert bus.advance(5) == 1
    assert values(queue) == [9]


def test_a_queue_behind_a_filter_and_a_condition_counts_its_losses(bus):
    filter = Filter({"topic": {"$regex": "^t$"}})
    subscription, queue = bus.queue("#", where=Where(op=Op.ABOVE, low=0), matching=filter, capacity=1)
    emit(bus, 1, 2)
    emit(bus, 3, topic="u")
    assert (bus.statistics().dropped, queue.statistics().dropped) == (1, 1)
    assert queue.drain() == [Event("t", 2, 0)]
    subscription.close()
    assert queue.is_closed


def test_a_queue_without_room_is_refused(bus):
    with pytest.raises(ValueError, match="1 to 1048576 events, not for 0"):
        bus.queue("t", capacity=0)


@given(
    st.integers(1, 4),
    st.sampled_from([Overflow.DROP_OLDEST, Overflow.DROP_NEWEST, Overflow.LATEST]),
    st.lists(
        st.none() | st.tuples(st.sampled_from("ab"), st.integers(0, 3)),  # a drain, or an event
        max_size=30,
    ),
)
def test_what_went_in_came_out_waits_or_was_dropped(capacity, overflow, programme):
    queue = Queue(capacity, overflow)
    came = out = 0
    for number, step in enumerate(programme):
        if step is None:
            drained = queue.drain()
            out += len(drained)
            priorities = [event.priority for event in drained]
            assert priorities == sorted(priorities, reverse=True)
            for priority in Priority:
                numbers = [event.value for event in drained if event.priority == priority]
                assert numbers == sorted(numbers)
        else:
            came += 1
            topic, priority = step
            queue.put(Event(topic, number, 0, "", priority))
        statistics = queue.statistics()
        assert came == out + statistics.waiting + statistics.dropped
        assert len(queue) == statistics.waiting <= statistics.most <= capacity


def test_a_batch_wakes_whose_queue_it_reached_and_may_be_closed_by_another(bus):
    woken = []
    _, kitchen = bus.queue("kitchen/+")
    _, hall = bus.queue("hall/+")
    attic_subscription, attic = bus.queue("attic/+")
    kitchen.on_news = lambda: woken.append("kitchen")
    hall.on_news = lambda: (woken.append("hall"), attic_subscription.close())
    attic.on_news = lambda: woken.append("attic")
    for topic in ("kitchen/t", "hall/t", "attic/t"):
        bus.topic(topic)
    bus.emit_many(array("i", [1] * 3), array("d", [1, 2, 3]), array("q", [1, 2, 3]))
    assert set(woken) == {"hall", "attic"}  # who is closed has news too
    assert (len(kitchen), len(hall), attic.is_closed) == (0, 3, True)
    woken.clear()
    bus.emit_many(array("i", [2, 1, 0]), array("d", [1, 2, 3]), array("q", [4, 5, 6]))
    assert set(woken) == {"kitchen", "hall"}
    assert len(attic) == 0


def test_each_queue_has_its_own_events_whatever_they_are(bus):
    """What does not fit a record is kept for all queues of a bus together."""
    matching = Filter({"topic": {"$regex": "."}})
    _, temperatures = bus.queue("temperature", matching=matching)
    _, doors = bus.queue("door", where=Where(sample=1))
    bus.emit("temperature", 21.5, timestamp=1)
    bus.emit("door", "open", timestamp=2)
    bus.advance(9)
    assert [event.value for event in temperatures.drain()] == [21.5]
    assert [event.value for event in doors.drain()] == ["open"]

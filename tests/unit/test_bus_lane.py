# SPDX-License-Identifier: GPL-3.0-or-later
"""bus.emit: the fast lane in C and its twin take the same calls, count the same, and hold on to nothing."""

import gc
import sys
import weakref
from array import array

import pytest

from ganglion.bus import Bus, Op, Overflow, Where, Window
from ganglion.event import Event, Priority


@pytest.fixture(params=["native", "python"])
def bus(request) -> Bus:
    return Bus(backend=request.param, clock=lambda: 77)


def test_an_event_without_a_timestamp_has_that_of_the_clock(bus):
    heard: list[Event] = []
    bus.subscribe("#", heard.append)
    bus.emit("t", 1.5)
    bus.emit("t", "text", timestamp=None)
    assert [event.timestamp for event in heard] == [77, 77]


@pytest.mark.parametrize("backend", ["native", "python"])
def test_without_a_clock_an_event_needs_a_timestamp(backend):
    with pytest.raises(ValueError, match="needs a timestamp"):
        Bus(backend=backend).emit("t", 1.5)


def test_a_clock_that_fails_is_the_emitters_matter():
    for backend in ("native", "python"):
        with pytest.raises(ZeroDivisionError):
            Bus(backend=backend, clock=lambda: 1 // 0).emit("t", 1.5)


@pytest.mark.parametrize(
    ("arguments", "keywords"), [((), {}), (("t",), {}), (("t", 1.0, 2), {}), (("t", 1.0), {"time": 1})]
)
def test_a_call_with_other_arguments_is_refused(bus, arguments, keywords):
    with pytest.raises(TypeError):
        bus.emit(*arguments, **keywords)
    assert bus.statistics().emitted == 0


@pytest.mark.parametrize("topic", [1.5, None, b"t", True])
def test_what_is_no_topic_is_refused(bus, topic):
    bus.topic("a"), bus.topic("b")
    with pytest.raises((TypeError, AttributeError, ValueError)):
        bus.emit(topic, 1.0, timestamp=0)


@pytest.mark.parametrize("value", [1.5, 7, True, 10**400, "text", None, [1.0] * 8])
@pytest.mark.parametrize("where", [None, Where(op=Op.CHANGES), Where(op=Op.NOT_EQUALS, value="other")])
def test_a_value_arrives_as_it_is(bus, value, where):
    heard: list[Event] = []
    bus.subscribe("t", heard.append, where=where)
    bus.emit("t", "something", timestamp=0, source="s", priority=3)
    assert bus.emit("t", value, timestamp=5).delivered == 1
    assert heard[-1] == Event("t", value, 5, "", 1)
    assert heard[-1].value is value


def test_who_closes_itself_has_heard_the_event(bus):
    def once(event: Event) -> None:
        subscription.close()

    subscription = bus.subscribe("t", once)
    assert bus.emit("t", 1.0).delivered == 1
    assert bus.emit("t", 1.0).delivered == 0
    assert (subscription.delivered, subscription.failed) == (1, 0)


def test_who_subscribes_again_in_its_callback_has_the_next_event_first(bus):
    told: list[int] = []

    def again(event: Event) -> None:
        told.append(event.value)
        for each in bus.subscriptions():
            each.close()
        for _ in range(3):
            bus.subscribe("t", again)

    bus.subscribe("t", again)
    bus.subscribe("t", again)
    bus.emit("t", 1)
    assert told == [1]
    bus.emit("t", 2)
    assert told == [1, 2]


def test_more_callbacks_than_are_noted_without_memory(bus):
    told: list[int] = []
    for i in range(100):
        bus.subscribe("t", lambda event, i=i: told.append(i))
    assert bus.emit("t", 1.0) == (100, 100, 0, 0, 1)
    assert told == list(range(100))


def test_nothing_is_held_after_an_event(bus, caplog):
    caplog.set_level("CRITICAL", "ganglion.bus.bus")  # its records would hold tracebacks
    value, name = object(), "a/topic/of/its/own"
    bus.subscribe(name, lambda event: None)
    failing = bus.subscribe(name, lambda event: event.value.none)
    bus.emit(name, value)
    before = sys.getrefcount(value), sys.getrefcount(name), sys.getrefcount(bus.emit)
    for _ in range(1000):
        bus.emit(name, value, source=name)
    gc.collect()
    after = sys.getrefcount(value), sys.getrefcount(name), sys.getrefcount(bus.emit)
    assert all(now <= then for now, then in zip(after, before, strict=True))
    assert failing.failed == 1001


def test_a_bus_that_nobody_uses_goes_away(bus):
    def in_a_circle() -> weakref.ref[Bus]:
        here = Bus(backend=bus.backend)
        here.subscribe("t", lambda event: here.emit("u", event.value, timestamp=0))
        here.emit("t", 1, timestamp=0)
        return weakref.ref(here)

    gone = in_a_circle()
    gc.collect()
    assert gone() is None


def test_a_condition_that_waits_is_told_of_the_last_event(bus):
    heard: list[Event] = []
    bus.subscribe("t", heard.append, where=Where(op=Op.ABOVE, low=1, edge=True, lasting=10))
    bus.emit("t", 5.0, timestamp=0, source="a")
    bus.emit("t", 6.0, timestamp=3, source="b")
    assert bus.advance(10) == 1
    assert heard == [Event("t", 6.0, 10, "b")]


class Number(float):
    pass


def test_a_number_of_a_type_of_its_own_is_one_on_a_topic_that_is_known(bus):
    told: list[Event] = []
    bus.subscribe("t", told.append, where=Where(op=Op.ABOVE, low=1))
    topic = bus.topic("t")
    for value in (Number(31), Priority.URGENT):
        bus.emit(topic, value, timestamp=1)
    assert len(told) == 2


@pytest.mark.parametrize("backend", ["native", "python"])
def test_a_number_beyond_binary64_meets_a_clock_that_is_asked_in_peace(backend):
    told: list[Event] = []
    bus = Bus(backend=backend, clock=lambda: 7)
    bus.subscribe("t", told.append)
    bus.emit(bus.topic("t"), 10**400)
    assert [(event.value, event.timestamp) for event in told] == [(10**400, 7)]


class Last:
    """Does something when it is freed."""

    def __init__(self, act) -> None:
        self.act = act

    def __del__(self) -> None:
        self.act()


def test_what_is_freed_between_an_event_and_its_telling_changes_nothing(bus):
    heard: list[str] = []
    bus.subscribe("t", lambda event: heard.append("t"), where=Where(op=Op.CHANGES))
    bus.subscribe("c", lambda event: heard.append("c"))
    closed, queue = bus.queue("q")
    bus.emit("t", 1, timestamp=1)
    bus.emit("t", Last(lambda: (bus.emit("c", 1, timestamp=1), closed.close())), timestamp=1)
    bus.emit("t", 2, timestamp=1)
    assert sorted(heard) == ["c", "t", "t"]
    assert queue.is_closed


def test_what_is_freed_by_a_queue_that_overflows_may_emit_into_it(bus):
    _, queue = bus.queue("t", capacity=4)
    for _ in range(4):
        bus.emit("t", Last(lambda: bus.emit("t", "again", timestamp=2)), timestamp=1)
    topic = bus.topic("t")
    bus.emit_many(array("i", [topic] * 8), array("d", range(8)), array("q", range(8)))
    bus.queue("t", capacity=100)
    assert len(queue) == 4
    assert len(queue.drain()) == 4
    assert bus.statistics().dropped == queue.statistics().dropped


def test_a_bus_that_goes_away_with_what_emits_when_it_is_freed(bus):
    """The collector runs finalizers of a cycle in any order."""
    left = []

    def use() -> None:
        mine = Bus(backend=bus.backend, clock=lambda: 1)
        mine.subscribe("#", lambda event: left.append(event.topic))
        _, queue = mine.queue("#", capacity=2)
        mine.emit("t", Last(lambda: (mine.emit("end", 1), queue.drain(), left.append("freed"))))

    use()
    gc.collect()
    assert "freed" in left


def test_a_reader_that_fails_is_its_own_matter(bus, caplog):
    heard: list[Event] = []
    _, queue = bus.queue("t", priority=Priority.HIGH)
    bus.subscribe("t", heard.append)
    topic = bus.topic("t")

    def fails() -> None:
        raise RuntimeError("Event loop is closed")

    queue.on_news = fails
    assert bus.emit(topic, 1.0, timestamp=1).failed == 1
    bus.emit_many(array("i", [topic]), array("d", [2]), array("q", [2]))
    assert [event.value for event in heard] == [1.0, 2.0]
    assert len(queue) == 2
    assert "Event loop is closed" in caplog.text


def test_an_interrupt_is_not_counted_as_a_failure(bus):
    def stops(event: Event) -> None:
        raise KeyboardInterrupt

    bus.subscribe("t", stops)
    with pytest.raises(KeyboardInterrupt):
        bus.emit("t", 1, timestamp=1)
    assert bus.statistics().failed == 0


@pytest.mark.parametrize("priority", [2**31, -(2**31) - 1, 2.5])
def test_a_priority_that_is_none_is_refused_in_a_batch_too(bus, priority):
    _, queue = bus.queue("#")
    topic = bus.topic("t")
    with pytest.raises((ValueError, TypeError)):
        bus.emit(topic, 1.0, priority=priority)
    with pytest.raises((ValueError, TypeError)):
        bus.emit_many(array("i", [topic]), array("d", [1]), array("q", [1]), priority=priority)
    assert len(queue) == 0


def test_what_is_no_choice_is_refused_and_its_word_is_one(bus):
    with pytest.raises(ValueError, match="99"):
        Where(op=99)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="99"):
        Window(statistic=99, count=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lates"):
        bus.queue("#", overflow="lates")
    with pytest.raises(TypeError):
        bus.queue("#", capacity=1.5)
    assert bus.queue("#", overflow="latest")[1].overflow is Overflow.LATEST
    with pytest.raises(ValueError, match="Signal"):
        bus.topic("s/u", type="Signal..x")
    assert [each.name for each in bus.topics()] == []

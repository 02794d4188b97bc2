# SPDX-License-Identifier: GPL-3.0-or-later
"""bus.emit: the fast lane in C and its twin take the same calls, count the same, and hold on to nothing."""

import gc
import sys
import weakref

import pytest

from ganglion.bus import Bus, Op, Where
from ganglion.event import Event


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

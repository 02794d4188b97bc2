# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: many events in one call are what as many calls would be, on both cores."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import BACKENDS, Bus, Filter, Op, Where
from ganglion.errors import NotFoundError
from ganglion.event import Event
from support.filters import filters, numbers

TOPICS = ["a", "a/b", "c", "$x/y"]
WHERES = [
    None,
    Where(op=Op.ABOVE, low=0),
    Where(op=Op.ABOVE, low=0, edge=True, hysteresis=1),
    Where(op=Op.ABOVE, low=0, edge=True, lasting=2),
    Where(op=Op.CHANGES),
    Where(op=Op.BELOW, low=2, cooldown=2),
]


@pytest.fixture(params=BACKENDS)
def bus(request) -> Bus:
    return Bus(backend=request.param)


def many(bus: Bus, *events: tuple[str, float, int], **attributes):
    topics, values, times = zip(*events, strict=True) if events else ((), (), ())
    handles = array("i", [bus.topic(topic) for topic in topics])
    return bus.emit_many(handles, array("d", values), array("q", times), **attributes)


@given(
    st.lists(
        st.tuples(st.sampled_from(["#", "+", "a/#", "c"]), st.sampled_from(WHERES), st.none() | filters), max_size=4
    ),
    st.lists(st.tuples(st.sampled_from(TOPICS), numbers.map(float), st.integers(0, 3)), max_size=12),
    st.sampled_from(["", "a"]),
    st.integers(0, 3),
)
def test_it_is_what_as_many_calls_are(subscriptions, steps, source, priority):
    for backend in BACKENDS:
        together, singly = Bus(backend=backend), Bus(backend=backend)
        told: list[list[tuple[int, Event]]] = [[], []]
        for bus, heard in zip((together, singly), told, strict=True):
            for number, (filter, where, source_of_filter) in enumerate(subscriptions):
                matching = None if source_of_filter is None else Filter(source_of_filter)
                keep = lambda event, heard=heard, number=number: heard.append((number, event))  # noqa: E731
                bus.subscribe(filter, keep, where=where, matching=matching)
        events = [(topic, value, now) for now, (topic, value, _) in enumerate(steps)]
        sums = many(together, *events, source=source, priority=priority)
        each = [
            singly.emit(topic, value, timestamp=now, source=source, priority=priority) for topic, value, now in events
        ]
        assert told[0] == told[1]
        assert sums[:4] == tuple(sum(one[i] for one in each) for i in range(4))
        assert together.statistics() == singly.statistics()
        assert together.deadline == singly.deadline


def test_a_callback_may_do_what_it_likes_in_the_middle(bus):
    heard: list[str] = []

    def first(event: Event) -> None:
        heard.append(f"first {event.topic} {event.value}")
        subscription.close()
        bus.emit("b", 7.0, timestamp=9, source="other")
        bus.subscribe("a", lambda event: heard.append(f"second {event.value}"), matching=Filter({"source": "me"}))

    subscription = bus.subscribe("a", first)
    bus.subscribe("b", lambda event: heard.append(f"other {event.value}"), matching=Filter({"source": "other"}))
    sums = many(bus, ("a", 1.0, 0), ("a", 2.0, 1), ("b", 3.0, 2), source="me")
    assert heard == ["first a 1.0", "other 7.0", "second 2.0"]
    assert (sums.matched, sums.delivered, sums.failed) == (3, 2, 0)


def test_what_fails_does_not_stop_the_rest(bus):
    bus.subscribe("a", lambda event: 1 / 0)
    assert many(bus, ("a", 1.0, 0), ("a", 2.0, 1)) == (2, 2, 0, 2, 2)
    assert many(bus) == (0, 0, 0, 0, 2)


def test_bytes_are_buffers_too(bus):
    heard: list[float] = []
    bus.subscribe("a", lambda event: heard.append(event.value), where=Where(op=Op.ABOVE, low=1))
    handle = bus.topic("a")
    bus.emit_many(bytes(array("i", [handle] * 3)), bytes(array("d", [1, 2, 3])), memoryview(array("q", [1, 2, 3])))
    assert heard == [2.0, 3.0]


def test_buffers_that_do_not_go_together_are_refused(bus):
    handle = bus.topic("a")
    with pytest.raises(ValueError, match="2 topics, 1 values and 2 timestamps"):
        bus.emit_many(array("i", [handle] * 2), array("d", [1]), array("q", [1, 2]))
    with pytest.raises(ValueError, match="items of the format 'f' are not those of 'd'"):
        bus.emit_many(array("i", [handle]), array("f", [1]), array("q", [1]))
    with pytest.raises(ValueError, match="3 bytes are no items of 4 bytes"):
        bus.emit_many(b"123", array("d", [1]), array("q", [1]))
    with pytest.raises(ValueError, match="items of the format 'q' are not those of 'd'"):
        bus.emit_many(array("i", [handle]), array("q", [1]), array("q", [1]))


def test_bytes_may_begin_anywhere(bus):
    heard: list[float] = []
    bus.subscribe("a", lambda event: heard.append(event.value))
    raw = b"x" + array("d", [1.5, 2.5]).tobytes()
    bus.emit_many(array("i", [bus.topic("a")] * 2), memoryview(raw)[1:], array("q", [1, 2]))
    assert heard == [1.5, 2.5]


def test_news_that_emit_do_not_change_who_is_told_of_the_last_one(bus):
    heard: list[str] = []
    _, queue = bus.queue("a")
    bus.subscribe("b", lambda event: heard.append(f"b {event.topic}"))
    bus.subscribe("c", lambda event: heard.append(f"c {event.topic}"))
    handles = array("i", [bus.topic("a"), bus.topic("b")])
    queue.on_news = lambda: bus.emit("c", 1.0, timestamp=9)
    bus.emit_many(handles, array("d", [1, 2]), array("q", [1, 2]))
    assert sorted(heard) == ["b b", "c c"]


def test_a_handle_of_no_topic_ends_it_and_those_before_are_told(bus):
    heard: list[float] = []
    bus.subscribe("a", lambda event: heard.append(event.value))
    handles = array("i", [bus.topic("a"), 99, 0])
    with pytest.raises(NotFoundError, match="99"):
        bus.emit_many(handles, array("d", [1, 2, 3]), array("q", [1, 2, 3]))
    assert heard == [1.0]
    assert bus.statistics().emitted == 1

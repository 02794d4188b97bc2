# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: subscriptions with a filter, on both cores; what a core decides by itself is what the filter says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import BACKENDS, Bus, Filter, Op, Where
from ganglion.bus.predicate import split
from ganglion.event import Event, Priority
from support.filters import events, filters


@pytest.fixture(params=BACKENDS)
def bus(request) -> Bus:
    return Bus(backend=request.param)


def emit(bus: Bus, event: Event) -> int:
    topic, value, timestamp, source, priority = event
    return bus.emit(topic, value, timestamp=timestamp, source=source, priority=priority).delivered


@given(st.lists(filters, max_size=3), st.lists(events, max_size=8))
def test_who_is_told_is_whom_the_filter_lets_hear(sources, programme):
    for backend in BACKENDS:
        bus = Bus(backend=backend)
        told: list[list[Event]] = [[] for _ in sources]
        for source, mine in zip(sources, told, strict=True):
            bus.subscribe("#", mine.append, matching=Filter(source))
        counts = [emit(bus, event) for event in programme]
        wanted = [[event for event in programme if Filter(source).passes(event)] for source in sources]
        assert repr(told) == repr(wanted)  # NaN is not itself
        assert sum(counts) == sum(map(len, wanted))


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ({"value": {"$gt": 8, "$lte": 40}}, False),
        ({"priority": {"$gte": Priority.HIGH}}, False),
        ({"value": {"$bitsAllSet": 5, "$bitsAnySet": 3}}, False),
        ({"value.status": {"$bitsAllSet": 5}}, True),
        ({"value": {"$in": ["a", 1, None]}, "source": {"$ne": "x"}}, False),
        ({"$or": [{"priority": {"$gte": 2}}, {"timestamp": {"$lt": 5}}, {"$not": {"value": "a"}}]}, False),
        ({}, False),
        ({"value": {"$lt": "m"}}, True),
        ({"value": {"$gt": 2**53}}, True),
        ({"timestamp": {"$gt": 1.5}}, True),
        ({"value.door": "open"}, True),
        ({"topic": "t"}, True),
        ({"$or": [{"value": 1}, {"topic": "t"}]}, True),
    ],
)
def test_the_core_decides_what_it_can(source, left):
    tests, rest = split(Filter(source).program)
    assert (rest is not None) == left
    assert bool(tests) != left or source == {}


def test_a_filter_is_split_where_all_must_hold():
    tests, rest = split(Filter({"value": {"$gt": 1}, "topic": "t"}).program)
    assert len(tests) == 1
    assert rest is not None


@pytest.mark.parametrize("source", [{"source": "fridge"}, {"source": "fridge", "topic": {"$regex": "^t"}}])
def test_an_event_that_does_not_pass_neither_begins_nor_ends_a_condition(bus, source):
    heard: list[Event] = []
    where = Where(op=Op.ABOVE, low=8, edge=True, lasting=10)
    subscription = bus.subscribe("t/+", heard.append, where=where, matching=Filter(source))
    assert (subscription.filter, subscription.matching.source) == ("t/+", source)
    for now, value, sender in [(0, 9, "room"), (1, 9, "fridge"), (5, 1, "room"), (6, 9, "room")]:
        bus.emit("t/1", value, timestamp=now, source=sender, priority=Priority.HIGH)
    assert bus.deadline == 11
    assert bus.advance(11) == 1
    assert [(event.topic, event.value, event.timestamp) for event in heard] == [("t/1", 9, 11)]
    bus.emit("t/1", 1, timestamp=12, source="fridge")
    bus.emit("t/1", 9, timestamp=13, source="fridge")
    subscription.close()
    assert bus.deadline is None
    assert bus.statistics().subscriptions == 0


def test_a_source_that_is_named_later_is_known_then(bus):
    heard: list[str] = []
    bus.subscribe("t", lambda event: heard.append("high"), matching=Filter({"priority": {"$gte": 2}}))
    bus.emit("t", 1, timestamp=0, source="fridge")
    mine = bus.subscribe("t", lambda event: heard.append("mine"), matching=Filter({"source": "fridge"}))
    bus.emit("t", 1, timestamp=1, source="fridge")
    assert heard == ["mine"]
    mine.close()
    bus.emit("t", 1, timestamp=2, source="fridge", priority=Priority.URGENT)
    assert heard == ["mine", "high"]


def test_a_filter_in_the_callbacks_place_does_not_count_as_delivered(bus):
    bus.subscribe("t", lambda event: None, matching=Filter({"topic": "u"}))
    assert bus.emit("t", 1, timestamp=0) == (1, 0, 0, 0, 1)

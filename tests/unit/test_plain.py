# SPDX-License-Identifier: GPL-3.0-or-later
"""plain: what scripts ask for in messages of third parties comes onto the bus, the same with both cores."""

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import BACKENDS, Bus, Filter, Op, Where
from ganglion.event import Event
from ganglion.mqtt.packet import Message
from ganglion.node.plain import PlainTopics


class Asked:
    """The part of a transport that is used here."""

    def __init__(self) -> None:
        self.filters: list[str] = []

    def subscribe(self, filter: str, qos: int = 0) -> None:
        self.filters.append(filter)


def plain(bus: Bus, *wants: tuple[str, str]) -> PlainTopics:
    made = PlainTopics(bus, Asked())  # type: ignore[arg-type]
    for filter, field in wants:
        made.want(filter, field)
    return made


WANTS = [("plant/+", "level"), ("plant/+", "reading.level"), ("raw/#", ""), ("odd", "a..b"), ("plant/+", "level")]
TOPICS = ["plant/1", "plant/2", "raw", "raw/x", "odd", "other"]
values = st.integers(-5, 70) | st.floats(-5, 70) | st.booleans() | st.none() | st.sampled_from(["ON", "7"])
bodies = st.fixed_dictionaries({}, optional={"level": values, "reading": st.fixed_dictionaries({"level": values})})
payloads = (
    bodies.map(lambda body: json.dumps(body).encode())
    | bodies.map(cbor2.dumps)
    | values.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"", b"ON", b"\xff\xff", b"{", b'{"a": {"": {"b": 1}}}'])
)
batches = st.lists(st.lists(st.tuples(st.sampled_from(TOPICS), payloads), max_size=6), max_size=4)
SUBSCRIPTIONS = [
    (None, None),
    (Where(op=Op.ABOVE, low=50), None),
    (Where(op=Op.ABOVE, low=50, edge=True, lasting=5), None),
    (Where(op=Op.CHANGES), None),
    (None, Filter({"source": "mqtt:plant/1"})),
    (Where(op=Op.EQUALS, value="ON"), None),
]


@given(batches, st.lists(st.sampled_from(SUBSCRIPTIONS), max_size=3))
def test_both_cores_hear_the_same(batches, subscriptions):
    heard = {}
    for backend in BACKENDS:
        bus = Bus(backend=backend)
        told: list[tuple[int, Event]] = []
        for i, (where, matching) in enumerate(subscriptions):
            bus.subscribe("#", lambda event, i=i, told=told: told.append((i, event)), where=where, matching=matching)
        topics = plain(bus, *WANTS)
        for now, messages in enumerate(batches):
            topics.take([Message(topic, payload) for topic, payload in messages], now)
        heard[backend] = (repr(told), topics.unreadable, bus.topics(), bus.statistics())
    assert heard["native"] == heard["python"]


@pytest.fixture(params=BACKENDS)
def bus(request) -> Bus:
    return Bus(backend=request.param)


def test_a_number_stays_what_it_was(bus):
    told = []
    bus.subscribe("#", lambda event: told.append((event.topic, event.value, event.source)))
    plain(bus, ("t", "a")).take([Message("t", b'{"a": 51}'), Message("t", b'{"a": 51.0}')], 7)
    assert repr(told) == "[('mqtt.a/t', 51, 'mqtt:t'), ('mqtt.a/t', 51.0, 'mqtt:t')]"


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(bus):
    told = []
    bus.subscribe("#", lambda event: told.append(event.value))
    topics = plain(bus, ("t", "a"))
    topics.take([Message("t", payload) for payload in (b'{"a": 1}', b"{", b"[1]", b'{"b": 1}', b'{"a": 2}')], 0)
    assert (told, topics.unreadable) == ([1, 2], 3)


def test_a_callback_may_ask_for_more_in_the_middle_of_a_batch(bus):
    told = []
    topics = plain(bus, ("t", "a"))

    def more(event: Event) -> None:
        told.append((event.topic, event.value))
        topics.want("t", "b")

    bus.subscribe("#", more)
    topics.take([Message("t", b'{"a": 1, "b": 2}')] * 2, 0)
    assert told == [("mqtt.a/t", 1), ("mqtt.a/t", 1), ("mqtt.b/t", 2)]


def test_who_fails_does_not_stop_the_rest(bus):
    def fails(event: Event) -> None:
        raise RuntimeError("broken")

    bus.subscribe("#", fails)
    plain(bus, ("t", "")).take([Message("t", b"1")] * 3, 0)
    assert bus.statistics().failed == 3


def test_an_interrupt_ends_it(bus):
    def stops(event: Event) -> None:
        raise KeyboardInterrupt

    bus.subscribe("#", stops)
    with pytest.raises(KeyboardInterrupt):
        plain(bus, ("t", "")).take([Message("t", b"1")] * 3, 0)
    assert bus.statistics().emitted == 1

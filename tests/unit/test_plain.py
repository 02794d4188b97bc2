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
from ganglion.node.payload import decode
from ganglion.node.plain import PlainTopics
from ganglion_micro import cbor


class Asked:
    """The part of a transport that is used here."""

    def __init__(self) -> None:
        self.filters: list[str] = []

    def subscribe(self, filter: str, qos: int = 0) -> None:
        self.filters.append(filter)

    def unsubscribe(self, filter: str) -> None:
        self.filters.remove(filter)


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
    | st.sampled_from([b"", b"ON", b"\xff\xff", b"{", b'{"a": {"": {"b": 1}}}', b'{"level": 1e999}', b'{"level": NaN}'])
    | st.binary(max_size=12)
    | st.binary(max_size=4).map(lambda tail: b"\xa1elevel" + tail)
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


def test_a_message_that_has_one_field_of_two_is_no_loss(bus):
    told = []
    bus.subscribe("#", lambda event: told.append((event.topic, event.value)))
    topics = plain(bus, ("z/d", "contact"), ("z/d", "temperature"), ("z/d", "humidity"))
    topics.take([Message("z/d", b'{"temperature": 9}'), Message("z/d", cbor2.dumps({"contact": True}))], 0)
    assert told == [("mqtt.temperature/z/d", 9), ("mqtt.contact/z/d", True)]
    assert topics.unreadable == 0
    topics.take([Message("z/d", b'{"battery": 9}')], 0)
    assert topics.unreadable == 1


LAUGHS = [0] * 10
for _level in range(12):
    LAUGHS = [LAUGHS] * 10
LAUGHS = cbor2.dumps(LAUGHS, value_sharing=True)  # 10 ** 13 values in a hundred bytes

HOSTILE = [
    b"\x82\x01",  # an array cut short
    b"\xff",  # a break of nothing
    bytes.fromhex("d81c81d81d00"),  # a list that holds itself
    bytes.fromhex("9f81ff"),  # a break in the wrong place
    bytes.fromhex("c074 323031332d30332d32315432303a30343a30305a"),  # a date
    bytes.fromhex("d82363 5b2b5d"),  # a pattern
    bytes.fromhex("d90102 8101"),  # a set
    bytes.fromhex("c249 010000000000000000"),  # 2^64
    bytes.fromhex("a1617641ff"),  # a byte string
    bytes.fromhex("bf6176"),  # a key without its value
    bytes.fromhex("a18001"),  # a list for a key
    bytes.fromhex("9bffffffffffffffff"),  # more items than there are atoms
    bytes.fromhex("7f6161 01ff"),  # text in chunks, one of which is a number
    bytes.fromhex("fb7ff0000000000000"),  # infinity
    bytes.fromhex("1b8000000000000000"),  # 2^63
    b"\x81" * 17 + b"\x80",
    LAUGHS,
    b"[" * 17 + b"]" * 17,
    b"[" * 100_000,
    b"1e999",
    b"-Infinity",
    b'{"v": NaN}',
    b"9" * 400,
    b"9" * 5000,
    b"9223372036854775808",
    rb'"\ud800"',
    b'"\xed\xa0\x80"',
]


@pytest.mark.parametrize("payload", HOSTILE, ids=lambda payload: payload[:16].hex())
def test_what_no_script_could_hold_is_unreadable_and_the_rest_goes_on(bus, payload):
    told = []
    bus.subscribe("#", lambda event: told.append(event.value))
    topics = plain(bus, ("t", ""), ("t", "v"))
    topics.take([Message("t", payload), Message("t", b"1")], 0)
    assert (told, topics.unreadable) == ([1], 1)


def test_cbor_of_others_need_not_be_deterministic(bus):
    told = []
    bus.subscribe("#", lambda event: told.append(event.value))
    for payload, value in [
        ("bf 61 61 01 62 62 62 9f 02 ff ff", {"a": 1, "bb": [2]}),
        ("fb 3ff8000000000000", 1.5),
        ("9b 0000000000000001 1a 00000007", [7]),
        ("a2 62 62 62 39 0000 61 61 1b 7fffffffffffffff", {"bb": -1, "a": 2**63 - 1}),
        ("82 7f 61 c2 ff 00", None),
        ("9f 7f 62 c2b0 61 43 ff f4 f5 f6 3b 7fffffffffffffff ff", ["°C", False, True, None, -(2**63)]),
    ]:
        told.clear()
        plain(bus, ("t", "")).take([Message("t", bytes.fromhex(payload))], 0)
        assert told == ([] if value is None else [value])


held = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3),
    max_leaves=10,
)


@given(held, st.booleans())
def test_whatever_json_can_say_is_read_in_cbor_too(value, is_canonical):
    payload = cbor2.dumps([value, "\xe9"], canonical=is_canonical)
    assert json.dumps(decode(payload), sort_keys=True) == json.dumps([value, "\xe9"], sort_keys=True)


@given(st.binary(max_size=40).map(lambda data: b"\x9f" + data + b"\xff") | st.binary(max_size=40))
def test_no_bytes_do_worse_than_to_be_refused(payload):
    try:
        value = decode(payload)
    except ValueError:
        return
    json.dumps(value, allow_nan=False).encode()
    cbor.encode(value)  # the mesh can carry it


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


def test_what_no_script_listens_to_any_more_is_asked_for_no_more(bus):
    asked = Asked()
    topics = PlainTopics(bus, asked)
    topics.keep([("a", "x"), ("a", "y"), ("b", "")])
    assert sorted(set(asked.filters)) == ["a", "b"]
    heard = []
    bus.subscribe("#", lambda event: heard.append(event.topic))
    topics.keep([("a", "y"), ("c", "")])
    assert sorted(set(asked.filters)) == ["a", "c"]
    topics.take([Message("a", b'{"x": 1, "y": 2}'), Message("b", b"1"), Message("c", b"1")], 0)
    assert heard == ["mqtt.y/a", "mqtt/c"]

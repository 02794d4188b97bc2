# SPDX-License-Identifier: GPL-3.0-or-later
"""mqtt.oversize: a message over the limit is passed over, wherever it is cut, and what is around it arrives."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import RemoteProtocolError
from ganglion.mqtt import packet
from ganglion.mqtt.connection import Acknowledged, Connected, Connection, Lost, Received, State
from ganglion.mqtt.outbox import Outbox
from ganglion.mqtt.oversize import Oversize
from ganglion.mqtt.packet import Message

LIMIT = 60

topics = st.text(st.characters(exclude_characters="+#\0", exclude_categories=["Cs"]), min_size=1, max_size=90)
sent = st.tuples(topics, st.integers(0, 400), st.booleans(), st.integers(0, 0x7FFF))
cuts = st.lists(st.integers(0, 10_000), max_size=12)


def opened(limit: int = LIMIT) -> Connection:
    connection = Connection("t", keep_alive=10, outbox=Outbox(), max_packet=limit, now=0.0)
    assert connection.receive(bytes.fromhex("20 02 00 00"), 0.0) == [Connected()]
    connection.send(0.0)
    return connection


def parts(data: bytes, at: list[int]) -> list[bytes]:
    return [data[a:b] for a, b in pairwise([0, *sorted({i % (len(data) + 1) for i in at}), len(data)]) if a != b]


def told(connection: Connection, wire: list[bytes]) -> tuple[list[Message], list[Oversize], list[str], bytes]:
    """Messages, those passed over, why it was lost, and what went back to the broker."""
    messages: list[Message] = []
    passed: list[Oversize] = []
    lost: list[str] = []
    for part in wire:
        for event in connection.receive(part, 1.0):
            match event:
                case Received(several):
                    messages += several
                case Oversize():
                    passed.append(event)
                case Lost(error):
                    assert isinstance(error, RemoteProtocolError)
                    lost.append(str(error))
                case other:
                    raise AssertionError(other)
    return messages, passed, lost, connection.send(1.0)


@given(st.lists(sent, min_size=1, max_size=6), cuts)
def test_what_is_larger_is_passed_over_wherever_it_is_cut_and_all_else_arrives(messages, at):
    wire, taken, passed, acks = b"", [], [], b""
    for topic, size, retain, identifier in messages:
        one = packet.publish(packet.topic_name(topic), bytes(size), retain=retain, identifier=identifier)
        wire += one
        if len(one) > LIMIT:
            passed.append(Oversize(topic, len(one), LIMIT))
        else:
            taken.append(Message(topic, bytes(size), min(identifier, 1), retain))
        acks += b"\x40\x02" + identifier.to_bytes(2, "big") if identifier else b""
    connection = opened()
    assert told(connection, parts(wire, at)) == (taken, passed, [], acks)
    assert connection.state is State.OPEN


@given(st.lists(sent, min_size=1, max_size=3), st.lists(st.tuples(st.integers(0, 999), st.integers(0, 255))), cuts)
def test_damage_is_the_same_wherever_it_is_cut(messages, damage, at):
    wire = bytearray()
    for topic, size, retain, identifier in messages:
        wire += packet.publish(packet.topic_name(topic), bytes(size), retain=retain, identifier=identifier)
    for where, byte in damage:
        wire[where % len(wire)] = byte
    whole, parted = opened(), opened()
    try:
        expected = told(whole, [bytes(wire)])
    except AssertionError:  # it became an acknowledgement or the like, which is not what this is about
        return
    assert told(parted, parts(bytes(wire), at)) == expected
    assert parted.state is whole.state


@pytest.mark.parametrize("step", [1, 7, 65536])
def test_none_of_it_is_held(step):
    size = 300_000 if step > 1 else 2_000
    wire = packet.publish(packet.topic_name("gl1/x/n/y/birth"), bytes(size), retain=True, identifier=9)
    connection = opened(1000)
    for at in range(0, len(wire), step):
        connection.receive(wire[at : at + step], 1.0)
        assert len(connection._part) < 100
    assert connection.send(1.0) == bytes.fromhex("40 02 00 09")


def test_it_is_acknowledged_when_all_of_it_has_come_and_not_before():
    wire = packet.publish(packet.topic_name("a"), bytes(99), retain=False, identifier=9)
    connection = opened()
    assert connection.receive(wire[:-1], 1.0) == [Oversize("a", len(wire), LIMIT)]
    assert connection.send(1.0) == b""
    assert connection.receive(wire[-1:] + bytes.fromhex("40 02 00 01"), 1.0) == []
    assert connection.send(1.0) == bytes.fromhex("40 02 00 09")
    assert not isinstance(connection.receive(b"", 1.0)[0], Acknowledged)


@pytest.mark.parametrize(
    ("first", "body", "says"),
    [
        (0x34, b"\x00\x01a\x00\x01", "QoS 2"),
        (0x32, b"\x00\x01a\x00\x00", "packet identifier 0"),
        (0x30, b"\x00\x00", "topic name ''"),
        (0x30, b"\x00\x01#", "topic name '#'"),
        (0x30, b"\x00\x01\xff", "not UTF-8"),
        (0x30, b"\xff\xff", "shorter than its own lengths"),
        (0x90, b"", "the limit is 60"),
    ],
)
def test_one_that_breaks_the_standard_is_a_breach_as_any_other(first, body, says):
    wire = packet.packet(first, body + bytes(100))
    for cut in (len(wire), 1):
        messages, passed, lost, _ = told(opened(), [wire[i : i + cut] for i in range(0, len(wire), cut)])
        assert (messages, passed, len(lost)) == ([], [], 1)
        assert says in lost[0]

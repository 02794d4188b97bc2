# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.mqtt: the packets are those of the standard, and whatever comes is taken or refused, in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mqtt import packet
from ganglion.mqtt.packet import Will
from ganglion_micro.mqtt import KEEP_ALIVE, MAX_SIZE, MAX_TOPIC, SILENCE_MS, UNACKNOWLEDGED, Mqtt, MqttError

CONNACK = bytes.fromhex("20 02 00 00")
FILTERS = ["a/+", "b"]


def client(*account: str) -> Mqtt:
    return Mqtt("board", ("w", b"gone"), FILTERS, account)


def up() -> Mqtt:
    """One that is let in, with nothing more to write."""
    made = client()
    assert made.feed(CONNACK) == []
    assert made.feed(bytes.fromhex("90 04 00 01 01 00")) == []
    assert made.up
    made.out = bytearray()
    return made


def test_its_packets_are_those_of_the_nodes_client() -> None:
    will = Will(topic="w", payload=b"gone", qos=1)
    for account in ((), ("user", "password")):
        made = client(*account)
        user, password = account or (None, None)
        assert bytes(made.out) == packet.connect(
            "board", keep_alive=KEEP_ALIVE, will=will, username=user, password=password
        )
    made.out = bytearray()
    made.feed(CONNACK)
    assert bytes(made.out) == packet.subscribe(1, [(each, 1) for each in FILTERS])
    made = up()
    for qos, retain, size in ((0, False, 0), (1, True, 200), (0, False, 20000), (1, False, 127)):
        made.out = bytearray()
        assert made.publish("a/b", bytes(size), qos, retain)
        identifier = max(made.unacknowledged) if qos else 0
        assert bytes(made.out) == packet.publish(
            packet.topic_name("a/b"), bytes(size), retain=retain, identifier=identifier
        )


def test_nothing_is_published_before_it_is_let_in_nor_over_what_may_be_unacknowledged() -> None:
    assert not client().publish("a", b"", 1)
    made = up()
    assert all(made.publish("a", b"", 1) for _ in range(UNACKNOWLEDGED))
    assert not made.publish("a", b"", 1)
    assert made.publish("a", b"", 0)
    first = min(made.unacknowledged)
    made.feed(b"\x40\x02" + first.to_bytes(2, "big"))
    assert first not in made.unacknowledged
    assert made.publish("a", b"", 1)
    made.feed(bytes.fromhex("40 02 ff ff"))  # of none of ours


def test_a_silent_broker_is_asked_and_then_given_up() -> None:
    made = up()
    made.advance(KEEP_ALIVE * 500 - 1)
    assert not made.out
    made.advance(1)
    assert bytes(made.out) == packet.PING
    made.feed(bytes.fromhex("d0 00"))
    made.advance(SILENCE_MS - 1)
    with pytest.raises(MqttError, match="has said nothing for 45 s"):
        made.advance(1)


@pytest.mark.parametrize(
    ("said", "why", "refused"),
    [
        ("20 02 00 04", "does not know the user or the password", True),
        ("20 02 00 05", "the account may not connect", True),
        ("20 02 00 63", "code 99", True),
        ("20 01 00", "answers as no broker does", False),
        ("90 04 00 01 01 01", "answers as no broker does", False),
        ("20 02 00 00 90 04 00 01 01 80", "the account may not hear b", True),
        ("20 02 00 00 90 03 00 01 01", "begins with 0x90", False),
        ("20 02 00 00 50 02 00 01", "begins with 0x50", False),
        ("20 02 00 00 30 80 80 80 80 01", "a length over four bytes", False),
        ("20 02 00 00 30 00", "a message that is none", False),
        ("20 02 00 00 34 06 00 01 61 00 01 62", "a message that is none", False),
        ("20 02 00 00 32 03 00 01 61", "a message that is none", False),
        ("20 02 00 00 30 02 00 00", "a topic of 0 bytes", False),
        ("20 02 00 00 30 03 00 01 ff", "not UTF-8", False),
        ("20 02 00 00 32 04 0f ff 61 62", "a message that is none", False),
        ("20 02 00 00 d0 ff ff 7f", "a packet of 2097151 bytes", False),
    ],
)
def test_what_no_broker_may_say_ends_the_connection(said: str, why: str, refused: bool) -> None:
    with pytest.raises(MqttError, match=why) as caught:
        client().feed(bytes.fromhex(said))
    assert caught.value.refused is refused


short = st.text(st.characters(codec="utf-8", exclude_characters="\0+#"), min_size=1, max_size=30)
topics = st.one_of(short, st.sampled_from((MAX_TOPIC, MAX_TOPIC + 1, 5000)).map(lambda letters: "x" * letters))
messages = st.lists(
    st.tuples(
        topics,
        st.one_of(st.binary(max_size=300), st.binary(min_size=MAX_SIZE, max_size=MAX_SIZE + 50)),
        st.integers(0, 1),
    ),
    max_size=6,
)


@given(messages, st.randoms(use_true_random=False))
def test_messages_come_whole_in_whatever_pieces_and_large_ones_are_passed_over(said: list, random) -> None:
    wire, acks, wanted, passed = b"", b"", [], 0
    for i, (topic, payload, qos) in enumerate(said):
        one = packet.publish(packet.topic_name(topic), payload, retain=False, identifier=i + 1 if qos else 0)
        wire += one
        acks += b"\x40\x02" + (i + 1).to_bytes(2, "big") if qos else b""
        length, _ = packet.remaining_length(one, 1)
        if length > MAX_SIZE or len(topic.encode()) > MAX_TOPIC:
            passed += 1
        else:
            wanted.append((topic, payload))
    made, found = up(), []
    while wire:
        size = random.randint(1, random.choice((3, 100, 6000)))
        found += made.feed(wire[:size])
        wire = wire[size:]
    assert found == wanted
    assert bytes(made.out) == acks
    assert made.passed_over == passed


@given(st.binary(max_size=200))
def test_anything_is_taken_or_refused(data: bytes) -> None:
    made = up()
    try:
        for topic, payload in made.feed(data):
            assert 0 < len(topic.encode()) <= MAX_TOPIC
            assert len(payload) <= MAX_SIZE
    except MqttError:
        pass

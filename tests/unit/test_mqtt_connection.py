# SPDX-License-Identifier: GPL-3.0-or-later
"""mqtt.connection: bytes cut anywhere, damaged bytes, and time that passes, all without a socket."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import LocalProtocolError, RefusedError, RemoteProtocolError, UnreachableError
from ganglion.mqtt import connection as module
from ganglion.mqtt import packet
from ganglion.mqtt.connection import Acknowledged, Connected, Connection, Lost, Received, State, Subscribed
from ganglion.mqtt.outbox import LAST_IDENTIFIER, Outbox
from ganglion.mqtt.packet import Message

CONNACK = bytes.fromhex("20 02 00 00")
PINGRESP = bytes.fromhex("d0 00")
TOPIC = packet.topic_name("a/b")
SUBSCRIBED = LAST_IDENTIFIER + 1  # the identifier of a connection's first SUBSCRIBE


def make(outbox: Outbox | None = None, **options: object) -> Connection:
    """Waits for CONNACK at time 0, with a keep-alive of 10 s."""
    connection = Connection("t", keep_alive=10, outbox=outbox or Outbox(), now=0.0, **options)
    connection.send(0.0)
    return connection


@pytest.fixture
def connection() -> Connection:
    """Open at time 0."""
    connection = make()
    assert connection.receive(CONNACK, 0.0) == [Connected()]
    return connection


def busy() -> Connection:
    """Open, with one SUBSCRIBE of two filters and three QoS 1 messages on their way."""
    outbox = Outbox()
    for token in "xyz":
        outbox.put(TOPIC, b"", retain=False, token=token)
    connection = make(outbox)
    connection.receive(CONNACK, 0.0)
    connection.subscribe([("a/b", 1), ("c/d", 0)])
    connection.fill()
    connection.send(0.0)
    return connection


STREAM = b"".join(
    [
        packet.publish(TOPIC, b"hi", retain=False),
        packet.publish(TOPIC, b"kept", retain=True, identifier=7),
        packet.packet(packet.SUBACK, SUBSCRIBED.to_bytes(2, "big") + b"\x01\x80"),
        PINGRESP,
        packet.publish(TOPIC, bytes(200), retain=False, identifier=8),
        bytes.fromhex("40 02 00 02"),
        packet.publish(packet.topic_name("ü/\U0002a6d4"), b"", retain=False),
        bytes.fromhex("40 02 00 01"),
    ]
)


def outcome(connection: Connection, parts: list[bytes]) -> tuple[list[object], list[object], bytes]:
    """Messages, then everything else that happened, then the bytes out, from bytes that came in `parts`."""
    messages: list[object] = []
    others: list[object] = []
    for part in parts:
        for event in connection.receive(part, 1.0):
            match event:
                case Received(several):
                    messages += several
                case Acknowledged(tokens):
                    others += tokens
                case Lost(error):
                    others.append((type(error), str(error)))
                case _:
                    others.append(event)
    return messages, others, connection.send(1.0)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    return [data[a:b] for a, b in pairwise([0, *sorted({i % (len(data) + 1) for i in at}), len(data)]) if a != b]


cuts = st.lists(st.integers(0, 10_000), max_size=12)


def test_one_read_is_one_list_of_messages():
    events = busy().receive(STREAM, 1.0)
    assert events == [
        Subscribed({"a/b": 1, "c/d": None}),
        Received(
            [
                Message("a/b", b"hi"),
                Message("a/b", b"kept", 1, True),
                Message("a/b", bytes(200), 1),
                Message("ü/\U0002a6d4", b""),
            ]
        ),
        Acknowledged(["y", "x"]),
    ]


@given(cuts)
def test_where_the_network_cuts_the_bytes_does_not_matter(at):
    assert sorted(map(str, outcome(busy(), cut(STREAM, at))[1])) == sorted(map(str, outcome(busy(), [STREAM])[1]))
    assert outcome(busy(), cut(STREAM, at))[::2] == outcome(busy(), [STREAM])[::2]


def test_bytes_may_come_one_by_one():
    messages, others, out = outcome(busy(), [bytes((byte,)) for byte in STREAM])
    assert len(messages) == 4
    assert others == [Subscribed({"a/b": 1, "c/d": None}), "y", "x"]
    assert out == bytes.fromhex("40 02 00 07 40 02 00 08")


damage = st.lists(
    st.tuples(st.integers(0, len(STREAM) - 1), st.sampled_from(["set", "drop", "insert"]), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


@given(damage, cuts)
def test_damage_does_no_worse_than_a_protocol_error_wherever_it_is_cut(damage, at):
    wire = bytearray(STREAM)  # near-valid bytes reach further than random ones
    for where, how, byte in damage:
        where %= max(1, len(wire))
        wire[where : where + (how != "insert")] = b"" if how == "drop" else bytes((byte,))
    whole, parted = busy(), busy()
    messages, others, out = outcome(whole, [bytes(wire)])
    assert outcome(parted, cut(bytes(wire), at))[::2] == (messages, out)
    assert whole.state is parted.state
    lost = [other for other in others if isinstance(other, tuple)]
    assert [kind for kind, _ in lost] == ([RemoteProtocolError] if whole.state is State.CLOSED else [])


@given(st.binary(max_size=200))
def test_noise_instead_of_a_broker_does_no_worse(noise):
    connection = make()
    for event in connection.receive(noise, 0.0) if noise else []:
        match event:
            case Lost(error):
                assert isinstance(error, RemoteProtocolError | RefusedError | UnreachableError)
            case _:
                assert connection.state is not State.CONNECTING


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        ("60 02 00 01", "packet type 6"),  # PUBREL: nothing was published with QoS 2
        ("20 02 00 00", "packet type 2"),  # a second CONNACK
        ("d1 00", "packet type 13"),  # 2.2.2: reserved flags
        ("d0 01 00", "packet type 13 of 1 bytes"),
        ("40 03 00 01 00", "packet type 4 of 3 bytes"),
        ("e0 00", "packet type 14"),  # only a client says goodbye in 3.1.1
        ("00 00", "packet type 0"),
        ("90 03 00 63 00", "1 codes to 0 filters"),
        ("d0 ff ff ff ff 7f", "four bytes"),
        ("d0 80 80 20", "limit is 262144"),
        ("30 00", "no topic name"),
    ],
)
def test_a_breach_is_named_and_ends_the_connection(connection, wire, says):
    (lost,) = connection.receive(bytes.fromhex(wire), 0.0)
    assert isinstance(lost.error, RemoteProtocolError)
    assert says in str(lost.error)
    assert connection.state is State.CLOSED
    assert connection.receive(CONNACK, 0.0) == []


def test_what_came_before_a_breach_is_handed_over(connection):
    wire = packet.publish(TOPIC, b"1", retain=False, identifier=5) + b"\x30\x00"
    received, lost = connection.receive(wire, 0.0)
    assert received == Received([Message("a/b", b"1", 1)])
    assert isinstance(lost, Lost)


def test_a_suback_may_grant_less_and_never_more(connection):
    connection.subscribe([("a", 1), ("b", 0)])
    (granted,) = connection.receive(packet.packet(packet.SUBACK, SUBSCRIBED.to_bytes(2, "big") + b"\0\0"), 0.0)
    assert granted == Subscribed({"a": 0, "b": 0})
    connection.subscribe([("b", 0)])
    (lost,) = connection.receive(packet.packet(packet.SUBACK, (SUBSCRIBED + 1).to_bytes(2, "big") + b"\x01"), 0.0)
    assert "0x01" in str(lost.error)


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        (1, RefusedError, "point the URL at a broker that does"),
        (2, RefusedError, "choose 1 to 23 other letters and digits"),
        (3, UnreachableError, "it is tried again"),
        (4, RefusedError, "correct the URL or its account=FILE"),
        (5, RefusedError, "the URL needs user:password or account=FILE"),
        (6, RemoteProtocolError, "which MQTT reserves"),
    ],
)
def test_a_refusal_is_named_with_its_remedy(code, kind, remedy):
    (lost,) = make().receive(bytes((0x20, 2, 0, code)), 0.0)
    assert type(lost.error) is kind
    assert remedy in str(lost.error)
    assert f"return code {code}" in str(lost.error)


@pytest.mark.parametrize("flags", [2, 0x81])
def test_a_connack_with_reserved_flags_is_a_breach(flags):
    (lost,) = make().receive(bytes((0x20, 2, flags, 0)), 0.0)
    assert isinstance(lost.error, RemoteProtocolError)


def test_silence_is_answered_with_a_ping_and_then_given_up(connection):
    assert connection.deadline == 7.5
    assert connection.tick(7.4) == []
    assert connection.send(7.4) == b""
    assert connection.tick(7.5) == []
    assert connection.send(7.5) == bytes.fromhex("c0 00")
    assert connection.deadline == 12.5
    (lost,) = connection.tick(12.5)
    assert "silent" in str(lost.error)
    assert connection.tick(99.0) == []
    with pytest.raises(LocalProtocolError, match="publish while closed"):
        connection.publish("a", b"")


def test_an_answer_puts_the_next_ping_off(connection):
    connection.tick(7.5)
    connection.send(7.5)
    assert connection.receive(PINGRESP, 8.0) == []
    assert connection.deadline == 15.0  # sent at 7.5, heard at 8


def test_a_ping_leaves_before_the_keep_alive_has_passed(connection):
    """3.1.2.10, and NATS Server ends a connection with a keep-alive of 1 s after that second."""
    assert connection.deadline < 10.0


def test_who_only_sends_still_finds_out_that_the_peer_is_dead(connection):
    """QoS 0 is never answered, so that sending alone must not put the ping off."""
    for now in (3.0, 6.0):
        connection.publish("a", b"")
        connection.send(now)
    connection.tick(7.5)
    assert connection.send(7.5) == bytes.fromhex("c0 00")
    assert isinstance(connection.tick(12.5)[0], Lost)


def test_who_only_listens_still_tells_the_broker_that_it_lives(connection):
    connection.receive(packet.publish(TOPIC, b"", retain=False), 7.0)
    connection.tick(7.5)
    assert connection.send(7.5) == bytes.fromhex("c0 00")


def test_a_broker_that_never_answers_connect_is_given_up():
    connection = make()
    assert connection.deadline == module.PATIENCE
    (lost,) = connection.tick(module.PATIENCE)
    assert isinstance(lost.error, UnreachableError)


@pytest.mark.parametrize(("data", "says"), [(b"", "before it answered CONNECT"), (CONNACK, "closed the connection")])
def test_the_end_of_the_stream_is_a_loss(data, says):
    connection = make()
    if data:
        connection.receive(data, 0.0)
    (lost,) = connection.receive(b"", 0.0)
    assert says in str(lost.error)


def test_publishes_of_a_turn_leave_in_one_piece(connection):
    connection.publish("a/b", b"hi")
    connection.publish("a/b", b"kept", retain=True)
    assert connection.send(0.0) == bytes.fromhex("30 07 00 03 61 2f 62 68 69 31 09 00 03 61 2f 62 6b 65 70 74")
    assert connection.send(0.0) == b""


def test_a_message_over_the_limit_is_refused(connection):
    with pytest.raises(LocalProtocolError, match="over the limit"):
        connection.publish("a", bytes(packet.MAX_PACKET))


def test_a_new_connection_sends_again_what_the_old_one_left():
    outbox = Outbox(window=2)
    for token in "xyz":
        outbox.put(TOPIC, token.encode(), retain=False, token=token)
    first = make(outbox)
    first.receive(CONNACK, 0.0)
    first.fill()
    sent = first.send(0.0)
    first.receive(b"", 0.0)

    second = make(outbox)
    assert second.receive(CONNACK, 1.0) == [Connected()]
    second.resume()
    second.fill()
    assert second.send(1.0) == sent.replace(b"\x32", b"\x3a")
    assert second.receive(bytes.fromhex("40 02 00 02 40 02 00 01"), 1.0) == [Acknowledged(["y", "x"])]
    second.fill()
    assert second.send(1.0)[-1:] == b"z"


def test_disconnect_is_the_last_word(connection):
    connection.publish("a", b"")
    connection.disconnect()
    assert connection.send(0.0)[-2:] == bytes.fromhex("e0 00")
    assert connection.receive(STREAM, 0.0) == []


def test_what_cannot_be_asked_for_now_is_our_fault():
    connection = make()
    with pytest.raises(LocalProtocolError, match="publish while connecting"):
        connection.publish("a", b"")
    with pytest.raises(LocalProtocolError, match="while connecting"):
        connection.subscribe([("a", 0)])
    connection.receive(CONNACK, 0.0)
    with pytest.raises(LocalProtocolError, match="0 filters"):
        connection.subscribe([])


@pytest.mark.parametrize("keep_alive", [0, 65536])
def test_a_keep_alive_that_mqtt_cannot_say_is_refused(keep_alive):
    with pytest.raises(LocalProtocolError, match="keep-alive"):
        Connection("t", keep_alive=keep_alive, outbox=Outbox(), now=0.0)


@pytest.mark.parametrize("name", ["packet", "outbox", "connection"])
def test_the_protocol_does_no_io_and_reads_no_clock(name):
    source = (Path(module.__file__).parent / f"{name}.py").read_text()
    for forbidden in ("asyncio", "socket", "ssl", "time", "logging", "os"):
        assert f"import {forbidden}\n" not in source
        assert f"from {forbidden} " not in source

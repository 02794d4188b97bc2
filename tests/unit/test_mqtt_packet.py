# SPDX-License-Identifier: GPL-3.0-or-later
"""mqtt.packet: the standard's own examples, and a PUBLISH that comes out as it went in."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import LocalProtocolError, RemoteProtocolError
from ganglion.mqtt import packet
from ganglion.mqtt.packet import Message, Will
from ganglion.mqtt.split import split_natively


# Table 2.4, "Size of Remaining Length field": the first and the last number of each row.
@pytest.mark.parametrize(
    ("length", "wire"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "80 01"),
        (16_383, "ff 7f"),
        (16_384, "80 80 01"),
        (2_097_151, "ff ff 7f"),
        (2_097_152, "80 80 80 01"),
        (268_435_455, "ff ff ff 7f"),
    ],
)
def test_remaining_length_is_written_and_read_as_the_table_says(length, wire):
    data = bytes.fromhex(wire)
    assert packet.encoded_length(length) == data
    assert packet.remaining_length(data, 0) == (length, len(data))
    assert packet.remaining_length(data[:-1], 0) == (0, 0)


def test_a_remaining_length_of_five_bytes_is_refused_both_ways():
    with pytest.raises(RemoteProtocolError, match="four bytes"):
        packet.remaining_length(b"\xff\xff\xff\xff\x01", 0)
    with pytest.raises(LocalProtocolError, match="268435456 bytes"):
        packet.encoded_length(268_435_456)


def test_a_string_is_the_one_of_figure_1_2():
    assert packet.string("A\U0002a6d4", "text") == bytes.fromhex("00 05 41 f0 aa 9b 94")


def test_connect_has_the_variable_header_of_figure_3_6():
    wire = packet.connect(
        "id", keep_alive=10, will=Will(topic="w", payload=b"gone", qos=1), username="user", password="pass"
    )
    assert wire == b"".join(
        [
            bytes.fromhex("10 23"),
            bytes.fromhex("00 04 4d515454 04 ce 00 0a"),
            b"\0\2id\0\1w\0\4gone\0\4user\0\4pass",
        ]
    )


def test_publish_has_the_variable_header_of_figure_3_11():
    name = packet.topic_name("a/b")
    assert packet.publish(name, b"", retain=False, identifier=10) == bytes.fromhex("32 07 00 03 61 2f 62 00 0a")
    assert packet.publish(name, b"", retain=True, identifier=10, again=True)[0] == 0b0011_1011
    assert packet.publish(name, b"hi", retain=False) == bytes.fromhex("30 07 00 03 61 2f 62 68 69")


def test_subscribe_and_unsubscribe_have_the_payloads_of_figures_3_23_and_3_30():
    assert packet.subscribe(10, [("a/b", 1), ("c/d", 0)]) == bytes.fromhex(
        "82 0e 00 0a 00 03 61 2f 62 01 00 03 63 2f 64 00"
    )
    assert packet.unsubscribe(10, ["a/b", "c/d"]) == bytes.fromhex("a2 0c 00 0a 00 03 61 2f 62 00 03 63 2f 64")


# 4.7.1: every valid and invalid filter that the section names.
@pytest.mark.parametrize("filter", ["sport/tennis/player1/#", "#", "+", "+/tennis/#", "sport/+/player1", "/+"])
def test_filters_of_the_standard_are_taken(filter):
    assert packet.topic_filter(filter) == packet.string(filter, "")


@pytest.mark.parametrize("filter", ["sport/tennis#", "a/#/b", "sport+", "", "a\0b", "x" * 65_536, "\ud800"])
def test_filters_that_are_none_are_refused(filter):
    with pytest.raises(LocalProtocolError):
        packet.topic_filter(filter)


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b", "x" * 65_536, "\ud800"])
def test_topics_that_cannot_be_published_to_are_refused(topic):
    with pytest.raises(LocalProtocolError):
        packet.topic_name(topic)


def test_a_password_needs_a_user_name():
    with pytest.raises(LocalProtocolError, match=r"3\.1\.2\.9"):
        packet.connect("id", keep_alive=10, will=None, username=None, password="pass")


@pytest.mark.parametrize("qos", [-1, 2, 3])
def test_a_qos_that_is_not_spoken_is_refused(qos):
    with pytest.raises(LocalProtocolError, match="QoS"):
        packet.level(qos)


def split(data: bytes, limit: int = packet.MAX_PACKET) -> tuple[list[Message], bytes, int]:
    """What both splitters say, in Python and in C."""
    found = []
    for splitter in (packet.split_publishes, split_natively):
        messages: list[Message] = []
        acks = bytearray()
        try:
            stop = splitter(data, 0, limit, messages, acks)
            error = None
        except RemoteProtocolError as raised:
            stop, error = 0, raised
        found.append((messages, bytes(acks), stop, str(error)))
    assert found[0] == found[1]
    assert [type(each) for each in found[1][0]] == [Message] * len(found[1][0])
    if error is not None:
        raise error
    return messages, bytes(acks), stop


topics = st.text(st.characters(exclude_characters="+#\0", exclude_categories=["Cs"]), min_size=1, max_size=200)
publishes = st.tuples(topics, st.binary(max_size=300), st.booleans(), st.integers(0, 0x7FFF))


@given(st.lists(publishes, max_size=5), st.binary(max_size=3))
def test_splitting_undoes_publishing(written, rest):
    wire = b"".join(
        packet.publish(packet.topic_name(topic), payload, retain=retain, identifier=identifier)
        for topic, payload, retain, identifier in written
    )
    messages, acks, stop = split(wire + b"\xd0" + rest)
    assert messages == [Message(topic, payload, min(i, 1), retain) for topic, payload, retain, i in written]
    assert acks == b"".join(b"\x40\x02" + i.to_bytes(2, "big") for *_, i in written if i)
    assert stop == len(wire)


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        ("30 00", "no topic name"),
        ("30 01 61", "no topic name"),
        ("30 05 00 09 61 62 63", "shorter than its own lengths"),
        ("32 05 00 03 61 62 63", "shorter than its own lengths"),
        ("32 06 00 03 61 62 63 00", "shorter than its own lengths"),
        ("32 07 00 03 61 62 63 00 00", "packet identifier 0"),
        ("34 07 00 03 61 62 63 00 01", "QoS 2"),
        ("36 07 00 03 61 62 63 00 01", "QoS 3"),
        ("30 02 00 00", "topic name ''"),
        ("30 03 00 01 23", "topic name '#'"),
        ("30 03 00 01 00", "topic name"),
        ("30 03 00 01 ff", "not UTF-8"),
        ("30 05 00 03 ed a0 80", "not UTF-8"),  # 1.5.3.1: half of a surrogate pair
        ("30 ff ff ff ff 7f", "four bytes"),
    ],
)
def test_a_publish_that_breaks_the_standard_is_named(wire, says):
    with pytest.raises(RemoteProtocolError, match=says):
        split(bytes.fromhex(wire), limit=999)


@given(st.lists(publishes, max_size=5), st.data())
def test_bytes_that_were_damaged_are_the_same_to_both(written, data):
    wire = bytearray(
        b"".join(
            packet.publish(packet.topic_name(topic), payload, retain=retain, identifier=identifier)
            for topic, payload, retain, identifier in written
        )
    )
    for _ in range(data.draw(st.integers(0, 3)) if wire else 0):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    with suppress(RemoteProtocolError):
        split(bytes(wire[: data.draw(st.integers(0, len(wire)))]), limit=data.draw(st.sampled_from([20, 1000])))


def test_a_publish_over_the_limit_is_left_to_who_passes_it_over():
    wire = packet.publish(packet.topic_name("a"), b"1", retain=False)
    large = packet.publish(packet.topic_name("a"), bytes(100), retain=False)
    assert split(wire + large + wire, limit=99) == ([Message("a", b"1")], b"", len(wire))


@pytest.mark.parametrize("splitter", [packet.split_publishes, split_natively])
def test_messages_before_a_bad_one_are_kept(splitter):
    messages: list[Message] = []
    good = packet.publish(packet.topic_name("a"), b"1", retain=False)
    with pytest.raises(RemoteProtocolError):
        splitter(good + bytes.fromhex("30 00"), 0, 1000, messages, bytearray())
    assert messages == [Message("a", b"1")]

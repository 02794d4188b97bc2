# SPDX-License-Identifier: GPL-3.0-or-later
"""mqtt.outbox: a bounded queue in front of a bounded window, and nothing lost between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mqtt import packet
from ganglion.mqtt.outbox import LAST_IDENTIFIER, Outbox

NAME = packet.topic_name("t")


def identifier(wire: bytes) -> int:
    return int.from_bytes(wire[5:7], "big")


def test_the_window_bounds_what_is_on_its_way():
    outbox = Outbox(window=2)
    for i in range(5):
        assert outbox.put(NAME, bytes((i,)), retain=False, token=i)
    first, second = outbox.take()
    assert outbox.take() == []
    assert outbox.acknowledge(identifier(second)) == 1
    (third,) = outbox.take()
    assert third[-1] == 2
    assert len(outbox) == 4
    assert identifier(first) not in (identifier(second), identifier(third))


def test_a_loss_sends_again_with_dup_and_in_order_what_was_on_its_way():
    outbox = Outbox(window=3)
    for i in range(4):
        outbox.put(NAME, bytes((i,)), retain=bool(i % 2), token=i)
    sent = outbox.take()
    outbox.acknowledge(identifier(sent[1]))
    again = outbox.again()
    assert [wire[0] for wire in again] == [0b0011_1010, 0b0011_1010]
    assert [wire[1:] for wire in again] == [sent[0][1:], sent[2][1:]]


def test_what_shall_not_outlive_its_connection_is_dropped_with_it_wherever_it_is():
    outbox = Outbox(window=2)
    for i in range(4):
        outbox.put(NAME, bytes((i,)), retain=False, lasting=bool(i % 2), token=i)
    _, sent = outbox.take()
    outbox.lost()
    assert (len(outbox), outbox.size) == (2, 2 * (len(NAME) + 1))
    assert [wire[1:] for wire in outbox.again()] == [sent[1:]]
    (later,) = outbox.take()
    assert [outbox.acknowledge(identifier(wire)) for wire in (sent, later)] == [1, 3]
    assert (len(outbox), outbox.size) == (0, 0)


def test_an_acknowledgement_of_nothing_is_nothing():
    outbox = Outbox()
    outbox.put(NAME, b"", retain=False, token="once")
    (sent,) = outbox.take()
    assert outbox.acknowledge(identifier(sent)) == "once"
    assert outbox.acknowledge(identifier(sent)) is None


@pytest.mark.parametrize("bounds", [{"max_messages": 3}, {"max_bytes": 3 * (len(NAME) + 10)}])
def test_what_has_no_room_is_refused_and_counted(bounds):
    outbox = Outbox(**bounds)
    assert [outbox.put(NAME, bytes(10), retain=False, token=i) for i in range(5)] == [True] * 3 + [False] * 2
    assert (len(outbox), outbox.overflowed) == (3, 2)


@pytest.mark.parametrize("window", [0, LAST_IDENTIFIER + 1])
def test_a_window_that_identifiers_cannot_number_is_refused(window):
    with pytest.raises(ValueError, match="window"):
        Outbox(window=window)


def test_identifiers_go_round_without_meeting_one_in_use():
    outbox = Outbox(window=2)
    outbox.put(NAME, b"", retain=False, token="stays")
    (stays,) = outbox.take()
    for _ in range(LAST_IDENTIFIER + 5):
        outbox.put(NAME, b"", retain=False, token="goes")
        (goes,) = outbox.take()
        assert identifier(goes) not in (0, identifier(stays))
        assert outbox.acknowledge(identifier(goes)) == "goes"


steps = st.lists(st.one_of(st.binary(max_size=5), st.integers(0, 5), st.just("loss")), max_size=60)


@given(steps, st.integers(1, 4))
def test_each_message_taken_in_is_acknowledged_once_in_whatever_order(steps, window):
    outbox = Outbox(window=window, max_messages=10)
    put, done, on_the_way = [], [], {}
    for step in steps:
        if step == "loss":
            assert [identifier(wire) for wire in outbox.again()] == list(on_the_way)
        elif isinstance(step, bytes):
            if outbox.put(NAME, step, retain=False, token=(len(put),)):
                put.append(step)
        elif on_the_way:
            which = list(on_the_way)[step % len(on_the_way)]
            done.append(outbox.acknowledge(which))
            del on_the_way[which]
        for wire in outbox.take():
            on_the_way[identifier(wire)] = wire
        assert len(on_the_way) <= window
        assert len(outbox) == len(put) - len(done) <= 10
    while on_the_way:
        which, _ = on_the_way.popitem()
        done.append(outbox.acknowledge(which))
        on_the_way |= {identifier(wire): wire for wire in outbox.take()}
    assert sorted(done) == [(i,) for i in range(len(put))]
    assert (len(outbox), outbox.size) == (0, 0)

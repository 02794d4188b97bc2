# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels, the ring that keeps them, and clients that come, go and come again: nothing is missed within the window."""

import json
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion_gateway.access.permissions import SCOPES
from ganglion_gateway.stream.channels import CHANNELS, MAX_FILTERS, channel, check, follows
from ganglion_gateway.stream.ring import Message, Ring
from ganglion_gateway.stream.session import Session


def session(ring: Ring, *scopes: str) -> Session:
    return Session(ring, lambda scope: scope in (scopes or SCOPES))


def subscribe(one: Session, *filters: str, **more: Any) -> dict[str, Any]:
    return one.take({"type": "subscribe", "channels": list(filters), **more})


def told(one: Session) -> list[Any]:
    return [json.loads(message.text)["data"] for message in one.next()]


@pytest.mark.parametrize(
    ("filter", "channel", "is_of"),
    [
        ("events/#", "events/fridge/alert", True),
        ("events/#", "events", True),
        ("#", "presence/fridge", True),
        ("events/+/alert", "events/fridge/alert", True),
        ("events/+/alert", "events/fridge/log", False),
        ("events/+", "events/fridge/alert", False),
        ("+/fridge", "presence/fridge", True),
        ("events/fridge/alert", "events/fridge/alert", True),
        ("events/fri.ge/alert", "events/fridge/alert", False),
        ("presence/+", "presence/a\nb", True),
    ],
)
def test_filters_are_those_of_mqtt(filter: str, channel: str, is_of: bool) -> None:
    check(filter)
    assert follows(frozenset({filter}), channel) is is_of


@pytest.mark.parametrize(
    "filter", ["", "/", "events/#/x", "events//x", "ev+nts", "nonsense/x", "x" * 300, "events/a\x00"]
)
def test_what_is_no_filter_is_refused(filter: str) -> None:
    with pytest.raises(InvalidError):
        check(filter)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_name_is_one_level_whatever_it_is(node: str, cls: str) -> None:
    assert channel("events", node, cls).count("/") == 2
    assert follows(frozenset({"events/+/+"}), channel("events", node, cls))


def test_every_channel_asks_for_a_scope_that_there_is() -> None:
    assert {kind.scope for kind in CHANNELS.values()} <= set(SCOPES)


def test_a_frame_is_the_same_in_json_and_cbor() -> None:
    ring = Ring()
    ring.follow(0)
    ring.say("events/a/b", {"value": [1, 2.5, "є", None]}, 0)
    [message] = ring.after(0, 9)
    assert cbor2.loads(message.binary) == json.loads(message.text)
    assert message.binary is message.binary


def test_nothing_is_kept_while_nobody_follows_or_did_lately() -> None:
    ring = Ring(seconds=60)
    ring.say("events/a/b", 1, 0)
    assert ring.after(0, 9) == []
    ring.follow(1)
    ring.leave(2)
    ring.say("events/a/b", 2, 61)
    assert len(ring.after(0, 9)) == 1
    ring.say("events/a/b", 3, 63)
    assert len(ring.after(0, 9)) == 1


def test_a_place_from_before_nobody_followed_is_known_to_miss_something() -> None:
    ring = Ring(seconds=60)
    ring.follow(0)
    one = session(ring)
    token = subscribe(one, "#")["token"]
    ring.leave(1)
    ring.say("events/a/b", 1, 100)  # heard by nobody
    ring.follow(101)
    assert subscribe(session(ring), "#", after=token)["missed"] is True


def test_a_token_of_before_a_restart_is_known_to_miss_something() -> None:
    first, second = Ring(), Ring()
    second.follow(0)
    token = session(first).token
    for after in (token, "", "x", f"{second.token(0)}9", second.token(99), 7):
        assert subscribe(session(second), "#", after=after)["missed"] is True
    assert subscribe(session(second), "#", after=second.token(second.last))["missed"] is False


def test_a_client_follows_only_what_it_may() -> None:
    ring = Ring()
    ring.follow(0)
    nobody = session(ring, "metrics")
    with pytest.raises(InvalidError, match="scope 'read'"):
        subscribe(nobody, "events/#")
    assert not any(one["may"] for one in nobody.welcome()["channels"].values())
    subscribe(nobody, "#")
    scopes = {"read"}
    late = Session(ring, lambda scope: scope in scopes)
    subscribe(late, "events/#")
    ring.say("events/a/b", 1, 0)
    assert told(late) == [1]
    assert told(nobody) == []
    scopes.clear()  # another role, while it is connected
    ring.say("events/a/b", 2, 0)
    assert told(late) == []


def test_a_client_that_is_too_slow_is_lost_and_the_others_are_not() -> None:
    ring = Ring(messages=10)
    ring.follow(0)
    slow, quick = session(ring), session(ring)
    for each in (slow, quick):
        subscribe(each, "events/#")
    for i in range(11):
        ring.say("events/a/b", i, 0)
        assert told(quick) == [i]
    assert slow.is_lost
    assert not quick.is_lost
    again = session(ring)
    assert subscribe(again, "events/#", after=slow.token)["missed"] is True
    assert told(again) == list(range(1, 11))


@pytest.mark.parametrize("bound", [{"messages": 50}, {"size": 5000}, {"seconds": 5.0}])
def test_the_ring_is_bounded(bound: dict[str, Any]) -> None:
    ring = Ring(**bound)
    ring.follow(0)
    for i in range(1000):
        ring.say("events/a/b", "x" * 20, i / 10)
    assert len(ring.after(0, 1000)) <= 51


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"type": "nonsense"},
        {"type": "subscribe"},
        {"type": "subscribe", "channels": []},
        {"type": "subscribe", "channels": [1]},
        {"type": "subscribe", "channels": "#"},
        {"type": "unsubscribe", "channels": ["nonsense"]},
    ],
)
def test_what_nobody_can_say_is_answered(said: Any) -> None:
    with pytest.raises(InvalidError):
        session(Ring()).take(said)


def test_a_client_has_so_many_filters_and_goes_on_only_once() -> None:
    one = session(Ring())
    subscribe(one, *(f"events/{i}/#" for i in range(MAX_FILTERS)))
    with pytest.raises(InvalidError, match="at most"):
        subscribe(one, "presence/+")
    with pytest.raises(InvalidError, match="first"):
        subscribe(one, "events/0/#", after="x")
    assert one.take({"type": "ping", "id": 7})["id"] == 7


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(["events/a/x", "events/b/x", "presence/a", "logs/a"])),
        st.tuples(st.just("read"), st.integers(1, 5)),
        st.tuples(st.just("drop"), st.floats(0, 90)),
        st.tuples(st.just("wait"), st.floats(0, 30)),
    ),
    max_size=80,
)
FILTERS = st.sampled_from([["#"], ["events/#"], ["events/+/x", "presence/a"], ["logs/+"]])


@given(STEPS, FILTERS, st.integers(1, 30))
def test_nothing_is_missed_within_the_window_and_told_twice_never(
    steps: list[tuple[str, Any]], filters: list[str], kept: int
) -> None:
    """A client that goes on after a break has all of it in order, or is told that it has not."""
    ring, now, said = Ring(messages=kept, seconds=60), 0.0, 0
    ring.follow(now)
    one = session(ring)
    token = subscribe(one, *filters)["token"]
    wanted = frozenset(filters)
    expected: list[int] = []
    had: list[int] = []
    under_way: list[Message] = []  # sent, and lost where the connection breaks

    def take(most: int) -> None:
        nonlocal token, under_way
        under_way += [] if one.is_lost else one.next()
        taken, under_way = under_way[:most], under_way[most:]
        for message in taken:
            document = json.loads(message.text)
            had.append(document["data"])
            token = document["token"]

    for step, value in steps:
        if step == "say":
            said += 1
            if follows(wanted, value):
                expected.append(said)
            ring.say(value, said, now)
        elif step == "wait":
            now += value
        elif step == "read":
            take(value)
        else:
            ring.leave(now)
            now += value
            ring.follow(now)
            one, under_way = session(ring), []
            answer = subscribe(one, *filters, after=token)
            token = answer["token"]
            if answer["missed"]:
                left = [message for message in ring.after(0, 999) if follows(wanted, message.channel)]
                had, expected = [], [json.loads(message.text)["data"] for message in left]
    lost = one.is_lost
    take(999)
    assert had == (expected[: len(had)] if lost else expected)

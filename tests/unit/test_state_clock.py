# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.state: clocks that are wrong, jump, or were never set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.mesh.state import clock, wire
from ganglion.mesh.state.clock import DRIFT
from ganglion.mesh.state.entry import CHECKPOINT, REGISTER
from ganglion.units import MILLISECOND, SECOND
from support.mesh import HOUR, NOW
from support.state import Node, World, page, signed

DAY = 24 * HOUR
YEAR = 365 * DAY
UNSET = 20 * SECOND - NOW  # twenty seconds after 1970


@pytest.fixture
def world() -> World:
    return World(4)


def at(now: int) -> int:
    return now // MILLISECOND << 16


@given(st.integers(0, 2**62), st.lists(st.integers(0, 2**63)))
def test_a_stamp_is_after_what_it_replaces_and_not_before_its_clock(now: int, replaced: list[int]) -> None:
    made = clock.stamp(now, replaced)
    assert all(made > one for one in replaced)
    assert clock.time_of(made) >= now // MILLISECOND * MILLISECOND


def test_a_logical_count_that_overflows_goes_on_in_the_milliseconds() -> None:
    last = at(NOW) | 0xFFFF
    assert clock.stamp(NOW, [last]) == last + 1
    assert clock.time_of(last + 1) == NOW + MILLISECOND


@pytest.mark.parametrize(("offset", "taken"), [(DRIFT, True), (DRIFT + 2 * MILLISECOND, False), (-YEAR, True)])
def test_a_stamp_may_be_five_minutes_ahead(world: World, offset: int, taken: bool) -> None:
    a, b, *_ = world.nodes
    b.offset = offset
    b.does("set", "tag/x", 1)
    world.settle()
    assert (a.get("tag/x"), a.refused) == ((1, {}) if taken else (None, {"ahead": 1}))


def test_what_was_ahead_is_taken_when_its_time_has_come(world: World) -> None:
    a, b, *_ = world.nodes
    b.offset = HOUR
    b.does("set", "tag/x", 1)
    world.settle()
    world.meet(a, b)
    assert a.get("tag/x") is None
    world.now += HOUR
    world.meet(a, b)
    assert (a.get("tag/x"), a.replica.root) == (1, b.replica.root)


def test_what_was_refused_is_not_asked_for_again_before_its_time(world: World) -> None:
    a, b, *_ = world.nodes
    b.offset = HOUR
    b.does("set", "tag/x", 1)
    world.settle()
    world.meet(a, b)
    world.sent.clear()
    for _ in range(3):
        world.meet(a, b)
    assert not [body for body in world.sent if body[0] == wire.WANT]
    assert sum(body[0] == wire.ENTRIES for body in world.sent) <= 3, (
        "of two dozen hellos: it is offered ever less often"
    )


def test_two_clocks_that_are_apart_are_told_to_both(world: World) -> None:
    a, b, c, _ = world.nodes
    b.offset = HOUR
    a.does("set", "tag/x", 1)
    b.does("set", "tag/y", 1)
    c.does("set", "tag/z", 1)
    world.lose()
    world.meet(a, b)
    world.meet(a, c)
    assert set(a.apart) == {HOUR}
    assert set(b.apart) == {-HOUR}
    assert c.apart == []


def test_who_stamps_ahead_does_not_win_for_ever(world: World) -> None:
    a, b, *_ = world.nodes
    b.offset = DRIFT - SECOND
    b.does("set", "tag/x", "ahead")
    world.settle()
    a.does("set", "tag/x", "now")
    world.settle()
    assert [node.get("tag/x") for node in world.nodes] == ["now"] * 4
    assert not any(node.refused for node in world.nodes)


def test_who_stamps_ahead_moves_no_clock_but_that_of_its_keys(world: World) -> None:
    a, b, *_ = world.nodes
    b.offset = DRIFT
    b.does("set", "tag/x", "ahead")
    world.settle()
    a.does("set", "tag/y", "now")
    found = a.replica.get("tag/y")
    assert found is not None
    assert found.stamp == at(a.now)


def test_a_clock_that_is_minutes_behind_loses_nothing(world: World) -> None:
    a, b, *_ = world.nodes
    b.offset = -DRIFT
    a.does("set", "tag/x", "now")
    world.settle()
    b.does("set", "tag/x", "later, by a clock that is behind")
    world.settle()
    assert {node.get("tag/x") for node in world.nodes} == {"later, by a clock that is behind"}


def test_a_clock_that_is_a_year_behind_hears_of_it_and_of_what_it_lost(world: World) -> None:
    a, b, *_ = world.nodes
    b.offset = -YEAR
    a.does("set", "tag/x", "a")
    world.settle()
    b.does("set", "tag/x", "b")
    world.settle()
    world.round()
    assert set(b.apart) == {YEAR}
    assert b.refused["ahead"] >= 1
    assert [node.get("tag/x") for node in world.nodes] == ["a", "b", "a", "a"]
    b.offset = 0
    world.round()
    assert (b.get("tag/x"), b.changes[-1].overruled) == ("a", True)
    b.does("set", "tag/x", "b")
    world.settle()
    assert {node.get("tag/x") for node in world.nodes} == {"b"}


def test_a_clock_that_was_ahead_and_is_put_right_does_not_lose_for_ever(world: World) -> None:
    a, b, *_ = world.nodes
    a.does("set", "tag/x", "before")
    a.does("set", "tag/a", 1)
    world.settle()
    world.round()
    b.offset = YEAR
    b.does("set", "tag/x", "ahead")
    b.does("delete", "tag/a")
    b.does("add", "group/b", 1)
    b.does("increment", "n", 3)
    world.settle()
    assert (a.get("tag/x"), a.get("tag/a"), a.refused["ahead"]) == ("before", 1, 4)
    b.offset = 0
    world.hello(a, b)
    b.does("tick")
    world.settle()
    world.round()
    assert world.agreed()
    for node in world.nodes:
        assert (node.get("tag/x"), node.get("tag/a")) == ("ahead", None)
        assert (node.replica.elements("group/b"), node.replica.total("n")) == ([1], 3)
        assert not [entry for entry in node.entries if clock.ahead(entry.stamp, world.now)]


def test_a_clock_set_back_by_a_year_throws_nothing_away(world: World) -> None:
    a, b, *_ = world.nodes
    for node in world.nodes:
        node.does("set", f"tag/{node.identity.node_id}", 1)
    world.settle()
    root = a.replica.root
    a.offset = -YEAR
    a.does("tick")
    assert a.replica.root == root
    b.does("set", "tag/new", 1)
    a.does("set", "tag/mine", 1)
    world.settle()
    assert (a.get("tag/new"), a.refused) == (None, {"ahead": 1})
    a.offset = 0
    a.does("tick")
    world.round()
    assert world.agreed()
    assert (a.get("tag/new"), b.get("tag/mine")) == (1, 1)


def test_a_clock_that_was_never_set_takes_what_comes_and_looks_again_when_it_is(world: World) -> None:
    a, b, c, d = world.nodes
    a.offset = UNSET
    for node in (b, c):
        node.does("set", f"tag/{node.identity.node_id}", 1)
    d.offset = YEAR
    d.does("set", "tag/x", "of next year")
    world.settle()
    assert len(a.replica.items()) == 3
    a.offset = 0
    assert a.does("tick").changes == [], "nobody has said yet that the clock is right now"
    world.hello(b, a)
    world.hello(d, a)
    world.hello(c, a)
    assert [change.key for change in a.does("tick").changes] == ["tag/x"]
    assert (len(a.replica.items()), a.refused) == (2, {"ahead": 1})


def test_who_has_no_clock_writes_after_what_it_has_seen(world: World) -> None:
    a, b, *_ = world.nodes
    a.offset = UNSET
    b.does("set", "tag/x", "b")
    world.settle()
    a.does("set", "tag/x", "a")
    a.does("set", "tag/y", "a")
    world.settle()
    assert [(node.get("tag/x"), node.get("tag/y")) for node in world.nodes] == [("a", "a")] * 4


def test_who_has_no_clock_yields_to_who_has_one_and_hears_of_it(world: World) -> None:
    a, b, *_ = world.nodes
    a.offset = UNSET
    world.split([0], [1, 2, 3])
    b.does("set", "tag/x", "b")
    a.does("set", "tag/x", "a")
    world.split()
    world.meet(a, b)
    assert a.get("tag/x") == b.get("tag/x") == "b"
    assert a.changes[-1].overruled


@pytest.mark.parametrize("stamp", [at(4_102_444_800 * SECOND), 2**63, 2**64 - 1])
def test_the_end_of_time_is_ahead_of_every_clock(world: World, stamp: int) -> None:
    a, b, *_ = world.nodes
    a.offset = UNSET
    a.came(a.replica.receive(b.kid, page(signed(b.identity, [REGISTER, "tag/x"], 1, stamp=stamp)), now=a.now), None)
    assert a.refused == {"ahead": 1}
    a.does("set", "tag/x", 2)
    assert a.get("tag/x") == 2


def test_a_liar_of_next_year_cannot_stop_a_clock_from_being_put_right(world: World) -> None:
    a, b, c, d = world.nodes
    for node in (c, d):
        node.does("set", f"tag/{node.identity.node_id}", 1)
    world.settle()
    a.offset = YEAR
    a.does("set", "tag/x", 1)
    late = at(a.now) | 5
    entries = [
        signed(b.identity, [REGISTER, "tag/x"], "lie", dot=1, stamp=late, over={a.kid: 2**63}),
        signed(b.identity, [CHECKPOINT], [1, 1], dot=2, stamp=late),
    ]
    a.came(a.replica.receive(b.kid, page(*entries), now=a.now), None)
    assert a.get("tag/x") == "lie"
    a.does("set", "tag/x", 2)
    a.offset = 0
    world.hello(c, a)
    a.does("tick")
    assert a.get("tag/x") == 2
    world.settle()
    assert c.get("tag/x") == 2


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 0, 0, SECOND, -SECOND, HOUR, -DAY, YEAR, -YEAR, UNSET])),
        max_size=12,
    )
)
def test_clocks_that_jump_keep_nobody_apart_once_they_are_right(jumps: list[tuple[int, int]]) -> None:
    world = World(4)
    nodes: list[Node] = world.nodes
    for count, (number, offset) in enumerate(jumps):
        world.now += SECOND
        nodes[number].offset = offset
        nodes[number].does("tick")
        nodes[number].does("set", "tag/x", count)
        nodes[number].does("set", f"tag/{number}", count)
        if count % 3 == 0:
            world.settle()
    for node in nodes:
        node.offset = 0
    for _ in range(2):
        world.round()
        world.tick(1)
        world.settle()
    world.round()
    assert world.agreed()
    for node in nodes:
        assert not [entry for entry in node.entries if clock.ahead(entry.stamp, world.now)]
        last = {f"tag/{number}": count for count, (number, _) in enumerate(jumps)}
        assert {key: reading.value for key, reading in node.replica.items() if key != "tag/x"} == last

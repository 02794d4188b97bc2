# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.state.replica: what a reader sees, what is refused, what may be forgotten."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh.state import admission, checkpoint, wire
from ganglion.mesh.state.effects import Change
from ganglion.mesh.state.entry import CHECKPOINT, COUNTER, REGISTER, SET, VALUE_BYTES, sign
from ganglion.units import SECOND
from ganglion_micro import cbor, cose
from support.mesh import NOW
from support.state import AAD, Node, World, identity, page, signed


@pytest.fixture
def world() -> World:
    """Three nodes that reach one another and may write everything."""
    return World(3)


def told(world: World, node: Node, *bodies: Any, sender: bytes = b"") -> None:
    """Bodies as they come from a member."""
    for body in bodies:
        node.came(node.replica.receive(sender or world.nodes[1].kid, body, now=node.now), None)


# Registers


def test_what_one_node_sets_every_node_reads(world: World) -> None:
    a, b, c = world.nodes
    a.does("set", "tag/a", {"room": "hall"})
    world.settle()
    assert (b.get("tag/a"), c.get("tag/a")) == ({"room": "hall"}, {"room": "hall"})
    assert b.changes == [Change(REGISTER, "tag/a", None, True, {"room": "hall"}, a.kid)]
    assert world.agreed()


def test_the_later_of_two_writes_wins_everywhere_and_the_loser_hears_of_it(world: World) -> None:
    a, b, c = world.nodes
    world.split([0], [1, 2])
    a.does("set", "tag/x", "early")
    world.now += SECOND
    b.does("set", "tag/x", "late")
    world.settle()
    world.split()
    for one, other in ((a, b), (a, c)):
        world.meet(one, other)
    assert {node.get("tag/x") for node in world.nodes} == {"late"}
    assert a.changes[-1] == Change(REGISTER, "tag/x", None, True, "late", b.kid, overruled=True)
    assert not any(change.overruled for node in (b, c) for change in node.changes)
    assert len({change.value for change in b.changes}) == 1, "a loser that is no news tells a watcher nothing"
    a.does("set", "tag/x", "again")
    world.settle()
    assert {node.get("tag/x") for node in world.nodes} == {"again"}


def test_of_two_writes_in_one_millisecond_the_higher_key_id_wins(world: World) -> None:
    a, b, c = world.nodes
    world.split([0], [1])
    a.does("set", "tag/x", "a")
    b.does("set", "tag/x", "b")
    world.split()
    world.meet(a, b)
    world.meet(b, c)
    assert {node.get("tag/x") for node in world.nodes} == {"a" if a.kid > b.kid else "b"}


def test_a_null_is_a_value_and_a_deleted_key_has_none(world: World) -> None:
    a, b, _ = world.nodes
    a.does("set", "tag/x", None)
    world.settle()
    found = b.replica.get("tag/x")
    assert found is not None
    assert found.value is None
    b.does("delete", "tag/x")
    world.settle()
    assert a.replica.get("tag/x") is None
    assert a.changes[-1] == Change(REGISTER, "tag/x", None, False, None, b"")


def test_items_are_the_keys_below_a_prefix_in_order(world: World) -> None:
    a, b, _ = world.nodes
    for key in ("tag/b", "tag/a", "policy", "tag/c"):
        a.does("set", key, key.upper())
    a.does("add", "tag/set", 1)
    b.does("delete", "tag/c")
    world.settle()
    b.does("delete", "tag/c")
    world.settle()
    assert [(key, reading.value) for key, reading in a.replica.items("tag/")] == [
        ("tag/a", "TAG/A"),
        ("tag/b", "TAG/B"),
    ]
    assert [key for key, _ in b.replica.items()] == ["policy", "tag/a", "tag/b"]


def test_a_write_that_a_delete_had_not_seen_stays(world: World) -> None:
    a, b, c = world.nodes
    a.does("set", "tag/x", 1)
    world.settle()
    world.split([0], [1, 2])
    world.now += SECOND
    a.does("set", "tag/x", 2)
    world.now += SECOND
    b.does("delete", "tag/x")
    world.settle()
    assert c.get("tag/x") is None
    world.split()
    world.meet(a, b)
    world.meet(a, c)
    assert [node.get("tag/x") for node in world.nodes] == [2, 2, 2]


def test_a_write_that_says_the_same_is_no_change_to_a_watcher(world: World) -> None:
    a, b, _ = world.nodes
    a.does("set", "tag/x", 1)
    world.settle()
    b.does("set", "tag/x", 1)
    b.does("set", "tag/x", True)
    world.settle()
    assert [repr(change.value) for change in a.changes] == ["1", "True"]


# Sets and counters


def test_a_removed_element_stays_removed_and_one_added_again_stays(world: World) -> None:
    a, b, c = world.nodes
    a.does("add", "group/hall", "lamp")
    a.does("add", "group/hall", "fan")
    world.settle()
    b.does("discard", "group/hall", "lamp")
    world.settle()
    assert [node.replica.elements("group/hall") for node in world.nodes] == [["fan"]] * 3
    assert a.changes[-1] == Change(SET, "group/hall", "lamp", False, None, b"")
    c.does("add", "group/hall", "lamp")
    world.settle()
    assert [node.replica.elements("group/hall") for node in world.nodes] == [["fan", "lamp"]] * 3


def test_an_addition_that_a_removal_had_not_seen_wins(world: World) -> None:
    a, b, _ = world.nodes
    a.does("add", "group/hall", 7)
    world.settle()
    world.split([0], [1])
    a.does("add", "group/hall", 7)
    world.now += SECOND
    b.does("discard", "group/hall", 7)
    world.split()
    world.meet(a, b)
    assert a.replica.elements("group/hall") == b.replica.elements("group/hall") == [7]


def test_an_element_is_any_value_and_no_other(world: World) -> None:
    a = world.nodes[0]
    elements: list[Any] = [1, -1, 1.5, "1", b"1", None, False, [1], {"a": 1}]
    for element in elements:
        a.does("add", "s", element)
    a.does("add", "sx", 99)
    assert {repr(element) for element in a.replica.elements("s")} == {repr(element) for element in elements}


def test_a_counter_is_the_sum_of_what_all_added_and_took(world: World) -> None:
    a, b, c = world.nodes
    world.split([0], [1, 2])
    for _ in range(3):
        a.does("increment", "n", 5)
    b.does("increment", "n", -2)
    c.does("increment", "n", -20)
    world.settle()
    assert [node.replica.total("n") for node in world.nodes] == [15, -22, -22]
    world.split()
    world.meet(a, b)
    world.meet(a, c)
    assert [node.replica.total("n") for node in world.nodes] == [-7] * 3
    assert a.changes[-1] == Change(COUNTER, "n", None, True, -7, a.kid)


def test_a_cleared_counter_begins_at_nothing_and_stays_cleared(world: World) -> None:
    a, b, c = world.nodes
    a.does("increment", "n", 5)
    b.does("increment", "n", 2)
    world.settle()
    world.split([0, 1], [2])
    b.does("clear", "n")
    world.settle()
    b.does("increment", "n", 1)
    world.settle()
    assert a.replica.total("n") == 1
    world.split()
    world.meet(a, c)
    assert [a.replica.total("n"), c.replica.total("n")] == [1, 1]


# What a node may not say


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("set", ("", 1)),
        ("set", ("k" * 257, 1)),
        ("set", ("\ud800", 1)),
        ("set", ("k", object())),
        ("set", ("k", 1 << 64)),
        ("set", ("k", bytes(VALUE_BYTES))),
        ("add", ("k", bytes(2000))),
        ("add", ("k", object())),
        ("delete", ("\ud800",)),
        ("increment", ("k", 1 << 64)),
    ],
)
def test_what_has_no_place_is_refused_where_it_enters(world: World, method: str, arguments: tuple[Any, ...]) -> None:
    node = world.nodes[0]
    with pytest.raises(InvalidError):
        node.does(method, *arguments)
    assert (node.replica.count, world.queue) == (0, [])


def test_removing_what_is_not_there_says_nothing(world: World) -> None:
    node = world.nodes[0]
    for method, arguments in (("delete", ("k",)), ("discard", ("k", 1)), ("clear", ("k",))):
        assert node.does(method, *arguments).tell == []
    assert node.replica.count == 0


def test_a_node_without_a_right_may_write_under_its_own_name_alone() -> None:
    world = World(2, may_write=lambda node, key: False)
    a, b = world.nodes
    name, other = a.identity.node_id, b.identity.node_id
    for key in (name, f"{name}/state", f"peer/{name}", f"peer/{name}/address"):
        a.does("set", key, 1)
    for key in ("tag/x", "peer", "peer/", f"peer/{other}", f"peer/{name}x", f"policy/{name}", f"{other}/{name}"):
        with pytest.raises(RefusedError, match="policy"):
            a.does("set", key, 1)
    world.settle()
    assert len(b.replica.items()) == 4
    with pytest.raises(RefusedError):
        b.does("delete", f"peer/{name}")


def test_an_author_has_limited_room_and_is_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "AUTHOR_ENTRIES", 4)
    a, b, _ = world.nodes
    for at in range(4):
        a.does("set", f"k{at}", at)
    with pytest.raises(RefusedError, match="k4"):
        a.does("set", "k4", 4)
    a.does("set", "k3", "over")
    a.does("delete", "k3")
    world.settle()
    assert (len(b.replica.items()), b.refused) == (3, {})
    monkeypatch.setattr(admission, "AUTHOR_BYTES", 1000)
    with pytest.raises(RefusedError, match="k0"):
        a.does("set", "k0", bytes(1500))


# What others may not say


def lie(world: World, *bodies: Any, cause: str, sender: bytes = b"") -> None:
    """Bodies that change nothing at the first node and are counted once each."""
    node = world.nodes[0]
    root, before = node.replica.root, node.refused.get(cause, 0)
    told(world, node, *bodies, sender=sender)
    assert node.replica.root == root
    assert node.refused == {**node.refused, cause: before + len(bodies)}


@pytest.mark.parametrize("held", [False, True])
def test_an_altered_entry_is_refused_at_every_bit(world: World, held: bool) -> None:
    a, b, _ = world.nodes
    good = signed(b.identity, [REGISTER, "tag/x"], "value")
    if held:
        told(world, a, page(good))
    for at in range(len(good.data)):
        for bit in range(8):
            damaged = bytearray(good.data)
            damaged[at] ^= 1 << bit
            told(world, a, [wire.ENTRIES, [[b.kid, 0, 0, [bytes(damaged)]]], 0])
    assert a.replica.count == held
    assert sum(a.refused.values()) == 8 * len(good.data)
    assert set(a.refused) == {"malformed", "forged", "misattributed"}
    told(world, a, page(good))
    assert a.get("tag/x") == "value"


def test_an_entry_under_another_key_is_refused(world: World) -> None:
    _, b, c = world.nodes
    good = signed(b.identity, [REGISTER, "tag/x"], "value")
    swapped = good.data.replace(b.kid, c.kid, 1)
    lie(world, [wire.ENTRIES, [[c.kid, 0, 0, [swapped]]], 0], cause="forged")
    lie(world, page(good, kid=c.kid), cause="misattributed")


def test_an_entry_moved_to_another_place_is_refused(world: World) -> None:
    b = world.nodes[1]
    message = cose.parse(signed(b.identity, [REGISTER, "tag/x"], "value").data)
    moved = cose.sign1(message.payload.replace(b"tag/x", b"tag/y"), b.kid, AAD, lambda _: message.signature)
    lie(world, [wire.ENTRIES, [[b.kid, 0, 0, [moved]]], 0], cause="forged")


def test_an_entry_of_a_stranger_or_of_who_was_put_out_is_refused(world: World) -> None:
    stranger = identity(99)
    lie(world, page(signed(stranger, [REGISTER, "tag/x"], 1)), cause="unenrolled")
    world.keys[stranger.kid] = identity(98).public
    lie(world, page(signed(stranger, [REGISTER, "tag/x"], 1)), cause="unenrolled")


def test_an_entry_of_another_mesh_or_of_another_use_is_refused(world: World) -> None:
    b = world.nodes[1].identity
    for aad in (cbor.encode(["gl1-crdt", bytes(8)]), cbor.encode(["gl1", AAD[-8:]]), b""):
        lie(world, page(sign(b, aad, [REGISTER, "tag/x"], 1, 5, {}, 1)), cause="forged")


def test_an_entry_in_this_nodes_own_name_is_refused(world: World) -> None:
    a, b, _ = world.nodes
    a.does("set", "tag/x", "mine")
    forged = signed(b.identity, [REGISTER, "tag/x"], 1).data.replace(b.kid, a.kid, 1)
    lie(world, [wire.ENTRIES, [[a.kid, 0, 0, [forged]]], 0], cause="forged")


def test_an_author_cannot_write_or_remove_where_policy_says_no() -> None:
    world = World(3, may_write=lambda node, key: node == identity(2).node_id)
    a, b, c = world.nodes
    c.does("set", "policy/version", 7)
    world.settle()
    held = next(entry for entry in a.entries if entry.kid == c.kid)
    late: Any = {"stamp": (NOW + SECOND) // 1_000_000 << 16, "over": {c.kid: held.dot}}
    lie(world, page(signed(b.identity, [REGISTER, "policy/version"], 8, **late)), cause="unauthorised")
    lie(world, page(signed(b.identity, [REGISTER, "policy/version"], **late)), cause="unauthorised")
    assert a.get("policy/version") == 7


def test_what_follows_a_forgery_in_a_message_is_not_looked_at(world: World) -> None:
    b = world.nodes[1].identity
    good = signed(b, [REGISTER, "tag/x"], 1)
    body = [wire.ENTRIES, [[b.kid, 0, 9, [good.data[:-1] + b"\x00", good.data]], [b.kid, 0, 9, [good.data]]], 0]
    lie(world, body, cause="forged")


def test_a_refusal_of_one_entry_does_not_keep_another_out(world: World) -> None:
    a, b, c = world.nodes
    world.may_write = lambda node, key: key != "tag/x"
    told(world, a, page(signed(b.identity, [REGISTER, "tag/x"], 1), signed(c.identity, [REGISTER, "tag/y"], 2)))
    assert (a.get("tag/x"), a.get("tag/y"), a.refused) == (None, 2, {"unauthorised": 1})


def test_a_replay_changes_nothing(world: World) -> None:
    a, b, _ = world.nodes
    old = b.does("set", "tag/x", "old").tell[0]
    b.does("set", "tag/x", "new")
    world.settle()
    root, changes = a.replica.root, list(a.changes)
    for _ in range(3):
        told(world, a, old)
    assert (a.replica.root, a.changes, a.refused, a.get("tag/x")) == (root, changes, {}, "new")


def test_who_floods_fills_its_own_room_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "AUTHOR_ENTRIES", 4)
    a, b, c = world.nodes
    for at in range(1, 12):
        told(world, a, page(signed(b.identity, [REGISTER, f"k{at}"], 1, dot=at)))
    assert (a.replica.count, a.refused) == (8, {"full": 3})
    told(world, a, page(signed(c.identity, [REGISTER, "tag/x"], 1)))
    told(world, a, page(signed(b.identity, [REGISTER, "k1"], 2, dot=50, stamp=NOW // 1_000_000 << 16 | 9)))
    assert (a.get("tag/x"), a.get("k1")) == (1, 2)
    monkeypatch.setattr(admission, "AUTHOR_BYTES", 500)
    told(world, a, page(signed(b.identity, [REGISTER, "k1"], bytes(900), dot=51, stamp=NOW // 1_000_000 << 16 | 10)))
    assert (a.get("k1"), a.refused) == (2, {"full": 4})


@pytest.mark.parametrize(("limit", "value"), [("ENTRIES", 3), ("BYTES", 400), ("AUTHORS", 1)])
def test_there_is_an_end_to_everything(world: World, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(admission, limit, value)
    a, b, c = world.nodes
    for at in range(1, 5):
        told(world, a, page(signed((b, c)[at % 2].identity, [REGISTER, f"k{at}"], 1, dot=at)))
    assert 1 <= a.replica.count <= 3
    assert a.refused == {"full": 4 - a.replica.count}


def test_two_entries_under_one_dot_end_alike_everywhere(world: World) -> None:
    a, b, c = world.nodes
    liar = b.identity
    one, two = signed(liar, [REGISTER, "tag/x"], 1), signed(liar, [REGISTER, "tag/y"], 2)
    told(world, a, page(one), page(two))
    told(world, c, page(two), page(one), sender=a.kid)
    assert a.replica.root == c.replica.root
    assert a.replica.count == 1


def test_writes_that_claim_to_replace_one_another_in_a_circle_end_alike_everywhere(world: World) -> None:
    a, b, c = world.nodes
    start = NOW // 1_000_000 << 16
    x = signed(b.identity, [REGISTER, "k"], "x", dot=1, stamp=start, over={c.kid: 99})
    y = signed(c.identity, [REGISTER, "k"], "y", dot=1, stamp=start + 1, over={b.kid: 99})
    told(world, a, page(x), page(y))
    assert a.get("k") == "y"
    fresh = world.join(9)
    told(world, fresh, page(y), page(x))
    assert fresh.replica.root == a.replica.root
    a.does("set", "k", "z")
    assert a.get("k") == "z", "a claim to replace what is yet to come replaces nothing"


bodies = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.binary(max_size=24) | st.just(bytes(8)) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.binary(min_size=8, max_size=8), inner, max_size=2),
    max_leaves=12,
)
kinds = st.sampled_from([wire.SUMMARY, wire.ENTRIES, wire.NEWS, wire.IDS, wire.WANT, 5])


@given(bodies | st.tuples(kinds, bodies, st.integers(0, 3)).map(list))
@example([wire.SUMMARY, bytes(8), bytes(64), {}, True, 1])
@example([wire.SUMMARY, bytes(8), bytes(64), {}, 1, True])
@example([wire.SUMMARY, bytes(8), bytes(65), {}, True, False])
@example([wire.SUMMARY, bytes(8), bytes(4), {}, True, False])
@example([wire.SUMMARY, bytes(7), bytes(64), {}, True, False])
@example([wire.SUMMARY, bytes(8), bytes(64), {bytes(7): 1}, True, False])
@example([wire.SUMMARY, bytes(8), bytes(64), {bytes(8): -1}, True, False])
@example([wire.SUMMARY, bytes(8), bytes(64), {bytes(8): 1 << 63}, False, False])
@example([wire.ENTRIES, [[bytes(8), 0, 0, 1]], 0])
@example([wire.ENTRIES, [[bytes(8), 0, 0]], 0])
@example([wire.ENTRIES, [[bytes(8), 0, -1, []]], 0])
@example([wire.IDS, [[bytes(12), bytes(12), b""]], 0])
@example([wire.IDS, [[bytes(2), b"\x01" * 12, b""], [bytes(2), b"\x01" * 12, b""]], 0])
@example([wire.IDS, [[bytes(1), bytes(12), b""]], 0])
@example([wire.IDS, [[bytes(2), bytes(12), b"1"]], 0])
@example([wire.WANT, b"1", 0])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_is_taken_without_an_error_and_changes_nothing(world: World, body: Any) -> None:
    a = world.nodes[0]
    if not a.replica.count:
        a.does("set", "tag/x", 1)
    root = a.replica.root
    outcome = a.replica.receive(world.nodes[1].kid, body, now=a.now)
    assert (a.replica.root, outcome.tell, outcome.changes) == (root, [], [])


def test_a_body_that_is_none_is_counted(world: World) -> None:
    for body in (None, [], [9, [], 0], [wire.WANT, b"1", 0], [wire.IDS, [[bytes(12), bytes(12), b""]], 0]):
        lie(world, body, cause="malformed")


# What may be forgotten


def away(world: World) -> tuple[Node, Node, Node]:
    """All three hold two registers of the first and an element; then the third is away."""
    a, b, c = world.nodes
    a.does("set", "tag/x", "old")
    a.does("set", "tag/y", "stays")
    a.does("add", "group/hall", "lamp")
    world.settle()
    world.round()
    world.split([0, 1], [2])
    return a, b, c


def back(world: World) -> None:
    """Everyone reaches everyone again."""
    world.split()
    world.round()
    world.round()
    assert world.agreed()


@pytest.mark.parametrize("remover", [0, 1])
def test_what_was_removed_does_not_come_back_from_who_was_away_for_weeks(world: World, remover: int) -> None:
    away(world)
    a, b, c = world.nodes
    world.nodes[remover].does("delete", "tag/x")
    world.nodes[remover].does("discard", "group/hall", "lamp")
    world.settle()
    for _ in range(3):
        world.tick(8 * 24 * 3600)
        world.settle()
    assert all(entry.present for node in (a, b) for entry in node.entries), "the removals are forgotten"
    assert c.get("tag/x") == "old"
    back(world)
    for node in world.nodes:
        assert [node.get("tag/x"), node.get("tag/y"), node.replica.elements("group/hall")] == [None, "stays", []]
    assert [(change.key, change.present) for change in c.changes[-2:]] == [("tag/x", False), ("group/hall", False)]


def test_a_removal_is_kept_while_the_author_of_what_it_removed_is_away(world: World) -> None:
    a, b, c = world.nodes
    c.does("set", "tag/z", "of the one who is away")
    away(world)
    b.does("delete", "tag/z")
    world.settle()
    for _ in range(100):
        world.tick(24 * 3600)
        world.settle()
    assert not all(entry.present for entry in a.entries)
    back(world)
    assert [node.get("tag/z") for node in world.nodes] == [None] * 3
    for _ in range(3):
        world.tick(2 * 3600)
        world.settle()
    assert all(entry.present for node in world.nodes for entry in node.entries)
    assert world.agreed()


def test_what_an_author_removed_that_is_no_member_any_more_is_forgotten(world: World) -> None:
    a, b, c = world.nodes
    c.does("set", "tag/z", 1)
    away(world)
    b.does("delete", "tag/z")
    world.settle()
    del world.keys[c.kid]
    for node in (a, b):
        node.replica.recheck()
    for _ in range(3):
        world.tick(3601)
        world.settle()
    assert all(entry.present for node in (a, b) for entry in node.entries)
    told(world, a, page(*[entry for entry in c.entries if entry.kid == c.kid]), sender=b.kid)
    assert a.get("tag/z") is None


def test_hundreds_of_removals_leave_nothing_behind(world: World) -> None:
    a, b = world.nodes = world.nodes[:2]
    a.does("set", "tag/kept", 1)
    world.settle()
    world.round()
    most = 0
    for at in range(400):
        (a, b)[at % 2].does("add", "s", at)
        world.settle()
        (a, b)[at // 2 % 2].does("discard", "s", at)
        world.settle()
        world.tick(30)
        world.settle()
        most = max(most, a.replica.count, b.replica.count)
    for _ in range(3):
        world.tick(3601)
        world.settle()
    assert most < 150, most
    assert a.replica.elements("s") == b.replica.elements("s") == []
    assert (a.replica.count, b.replica.count) == (3, 3), "what is held is one register and two checkpoints"
    assert a.replica.size < 1000


def test_an_author_whose_removals_gather_makes_a_checkpoint_out_of_turn(world: World) -> None:
    a, b, _ = world.nodes
    a.does("set", "tag/kept", 1)
    world.settle()
    world.round()
    world.tick(3601)
    for at in range(checkpoint.SLACK + 4):
        a.does("set", f"tag/{at}", 1)
        a.does("delete", f"tag/{at}")
    world.settle()
    assert b.replica.count > checkpoint.SLACK
    world.tick(61)
    world.settle()
    assert b.replica.count == 2


def test_a_checkpoint_is_made_only_where_it_lets_somebody_forget(world: World) -> None:
    a = world.nodes[0]
    for at in range(5):
        a.does("set", "tag/x", at)
    world.settle()
    world.round()
    for _ in range(5):
        world.tick(3601)
    assert [entry.kind for entry in a.entries] == [REGISTER]
    assert world.queue == []


def test_a_replica_that_lost_its_disk_removes_nothing_of_its_own_until_it_has_met_somebody(world: World) -> None:
    a, b, _ = world.nodes
    a.does("set", "tag/x", "before")
    world.settle()
    a.start(epoch=2)
    a.does("set", "tag/y", 1)
    a.does("delete", "tag/y")
    for _ in range(3):
        world.tick(3601)
    world.settle()
    back(world)
    assert [node.get("tag/x") for node in world.nodes] == ["before"] * 3
    a.does("set", "tag/x", "after")
    world.settle()
    for _ in range(3):
        world.tick(3601)
        world.settle()
    assert [node.get("tag/x") for node in world.nodes] == ["after"] * 3
    assert {entry.kind for entry in b.entries} == {REGISTER, CHECKPOINT}
    assert world.agreed()


def test_a_write_names_also_what_it_has_only_heard_of_as_replaced(world: World) -> None:
    a, b, c = world.nodes
    b.does("set", "tag/x", "first")
    old = page(*b.entries)
    world.queue = [one for one in world.queue if one[1] is c]
    world.settle()
    c.does("set", "tag/x", "second")
    world.settle()
    a.does("delete", "tag/x")
    fresh = world.join(9)
    told(world, fresh, old, page(*a.entries))
    assert fresh.get("tag/x") is None
    for _ in range(2):
        told(world, a, old)
    assert a.get("tag/x") is None


def test_a_checkpoint_of_one_author_removes_nothing_of_another(world: World) -> None:
    a, b, c = world.nodes
    told(world, a, page(signed(c.identity, [REGISTER, "tag/x"], 1, dot=5)))
    told(world, a, page(signed(b.identity, [CHECKPOINT], [], dot=1 << 40)))
    assert a.get("tag/x") == 1
    told(world, a, page(signed(b.identity, [REGISTER, "tag/y"], 1, dot=7)))
    assert a.get("tag/y") is None


def test_of_two_checkpoints_the_later_counts_whatever_it_lists(world: World) -> None:
    a, b, c = world.nodes
    one = signed(b.identity, [CHECKPOINT], [], dot=5)
    two = signed(b.identity, [CHECKPOINT], [3, 1, 1, 1], dot=9)
    kept = signed(b.identity, [REGISTER, "tag/x"], 1, dot=3)
    told(world, a, page(one), page(two), page(kept))
    told(world, c, page(kept), page(two), page(one))
    assert a.replica.root == c.replica.root
    assert (a.get("tag/x"), a.replica.count) == (1, 2)


def test_a_claim_to_have_removed_what_is_elsewhere_causes_no_checkpoints(world: World) -> None:
    a, b, _ = world.nodes
    a.does("set", "tag/x", 1)
    dot = a.entries[0].dot
    world.settle()
    world.round()
    for at, over in enumerate((dot, dot + 99)):
        told(world, a, page(signed(b.identity, [REGISTER, f"tag/{at}"], 1, dot=at + 1, over={a.kid: over})))
    for _ in range(3):
        world.tick(3601)
    assert not [entry for entry in a.entries if entry.kind == CHECKPOINT]


# Membership and policy that change


def test_who_is_put_out_takes_along_what_it_wrote(world: World) -> None:
    a, b, c = world.nodes
    b.does("set", "tag/x", 1)
    c.does("set", "tag/y", 2)
    world.settle()
    del world.keys[b.kid]
    assert a.replica.recheck().changes == [Change(REGISTER, "tag/x", None, False, None, b"")]
    assert (a.get("tag/x"), a.get("tag/y")) == (None, 2)
    world.settle()
    world.meet(a, c)
    assert a.get("tag/x") is None
    assert a.refused["unenrolled"] >= 1
    c.replica.recheck()
    assert a.replica.root == c.replica.root


def test_a_policy_that_changes_takes_back_what_it_forbids(world: World) -> None:
    a, b, _ = world.nodes
    b.does("set", "policy/x", 1)
    b.does("set", "tag/x", 1)
    world.settle()
    world.may_write = lambda node, key: key.startswith("tag/")
    assert [change.key for change in a.replica.recheck().changes] == ["policy/x"]
    assert [key for key, _ in a.replica.items()] == ["tag/x"]


def test_an_echo_of_what_this_node_said_is_nothing(world: World) -> None:
    a = world.nodes[0]
    outcome = a.does("set", "tag/x", 1)
    root = a.replica.root
    told(world, a, outcome.tell[0], sender=a.kid)
    assert (a.replica.root, a.refused) == (root, {})


def test_an_entry_takes_less_than_a_kilobyte_of_memory(world: World) -> None:
    a, b, c = world.nodes
    pages = []
    for who in (b, c):
        for at in range(1, 301):
            key = f"peer/{who.identity.node_id}/{at}"
            pages.append((who.kid, page(signed(who.identity, [REGISTER, key], {"name": f"node-{at}"}, dot=at))))
    read = [(kid, cbor.encode(body)) for kid, body in pages]
    del pages
    tracemalloc.start()
    try:
        for kid, data in read:
            a.replica.receive(kid, cbor.decode(data), now=a.now)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert a.replica.count == 600
    assert taken / a.replica.count < 1024

# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.state: whatever is lost, late, doubled, in another order or on another side, all agree in the end, and rightly.

What is right is said by an oracle that never forgets: each write knows what its author had seen in that place, and a
place holds the writes that no other write knew of.
"""

from collections import defaultdict
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.mesh.state.entry import CHECKPOINT, COUNTER, REGISTER, SET, Entry, parse
from ganglion.mesh.state.lattice import Lattice
from ganglion.units import SECOND
from support.state import Node, World

pytestmark = pytest.mark.untraced

NODES = 4
KEYS = ["tag/x", "tag/y"]


class Oracle:
    """All that was ever written, and what each write had seen."""

    def __init__(self) -> None:
        self.knows: dict[bytes, dict[bytes, set[bytes]]] = defaultdict(lambda: defaultdict(set))
        self.covers: dict[bytes, set[bytes]] = {}
        self.written: dict[bytes, dict[bytes, Entry]] = defaultdict(dict)

    def hears(self, node: Node) -> None:
        """What a node holds it has seen, and what that had seen."""
        for entry in node.entries:
            if entry.id in self.covers:
                self.knows[node.kid][entry.slot] |= {entry.id} | self.covers[entry.id]

    def writes(self, node: Node, bodies: list[list[Any]]) -> None:
        for body in bodies:
            for chunk in body[1]:
                for entry in map(parse, chunk[3]):
                    if entry.kind == CHECKPOINT:
                        continue
                    known = self.knows[node.kid][entry.slot]
                    if entry.kind == COUNTER and entry.present:
                        mine = {one for one in known if self.written[entry.slot][one].kid == node.kid}
                        known = mine | {one for own in mine for one in self.covers[own]}
                    self.covers[entry.id] = set(known)
                    self.written[entry.slot][entry.id] = entry
                    self.knows[node.kid][entry.slot].add(entry.id)

    def reads(self, slot: bytes) -> Any:
        gone = {one for identity in self.written[slot] for one in self.covers[identity]}
        left = [entry for entry in self.written[slot].values() if entry.id not in gone and entry.present]
        if not left:
            return None
        if left[0].kind == COUNTER:
            return sum(entry.value[0] - entry.value[1] for entry in left)
        return max(left, key=lambda entry: entry.rank).value


class Run:
    """A world in which things happen, and the oracle beside it."""

    def __init__(self) -> None:
        self.world = World(NODES)
        self.oracle = Oracle()
        self.disks: dict[bytes, tuple[dict[bytes, bytes], dict[bytes, int]]] = {
            node.kid: ({}, {}) for node in self.world.nodes
        }

    def save(self, node: Node) -> None:
        entries, seen = self.disks[node.kid]
        unsaved = node.replica.take_unsaved()
        for identity, data in unsaved.entries.items():
            if data is None:
                entries.pop(identity, None)
            else:
                entries[identity] = data
        seen.update(unsaved.seen)

    def write(self, node: Node, method: str, *arguments: Any) -> None:
        self.oracle.writes(node, node.does(method, *arguments).tell)
        self.save(node)

    def deliver(self, at: int) -> None:
        receiver = self.world.queue[at][1]
        self.world.deliver(at)
        self.oracle.hears(receiver)
        self.save(receiver)

    def step(self, what: str, number: int, key: str, amount: int) -> None:
        world = self.world
        node = world.nodes[number]
        world.now += 400_000 * (amount + 1)
        match what:
            case "set":
                self.write(node, "set", key, amount)
            case "delete":
                self.write(node, "delete", key)
            case "add":
                self.write(node, "add", "set", amount % 3)
            case "discard":
                self.write(node, "discard", "set", amount % 3)
            case "count":
                self.write(node, "increment", "n", amount - 4)
            case "clear":
                self.write(node, "clear", "n")
            case "deliver":
                for _ in range(min(1 + amount, len(world.queue))):
                    self.deliver((number * 7 + amount) % len(world.queue))
            case "lose":
                for _ in range(min(1 + amount, len(world.queue))):
                    world.queue.pop((number * 5 + amount) % len(world.queue))
            case "double":
                world.queue += world.queue[: 1 + amount]
            case "split":
                world.split([0, number], [one for one in range(1, NODES) if one != number])
            case "heal":
                world.split()
            case "hello":
                other = world.nodes[(number + 1 + amount % (NODES - 1)) % NODES]
                world.now += 12 * SECOND
                if world.reach(node, other):
                    world.hello(node, other)
            case "clear up":
                world.now += 3601 * SECOND
                self.write(node, "tick")
            case "restart":
                node.start(node.epoch + 1).restore(self.disks[node.kid][0].values(), self.disks[node.kid][1])

    def end(self) -> None:
        """Everyone meets everyone, twice."""
        self.world.split()
        self.world.lose()
        self.world.round()
        self.world.round()
        assert self.world.agreed()

    def right(self) -> None:
        for slot in list(self.oracle.written):
            entry = next(iter(self.oracle.written[slot].values()))
            expected = self.oracle.reads(slot)
            for node in self.world.nodes:
                if entry.kind == REGISTER:
                    assert node.get(entry.key) == expected
                elif entry.kind == SET:
                    assert (entry.what[2] in node.replica.elements(entry.key)) == bool(expected)
                else:
                    assert node.replica.total(entry.key) == (expected or 0)


WRITES = ["set", "set", "set", "delete", "add", "add", "discard", "count", "clear"]
TRAFFIC = ["deliver", "deliver", "deliver", "lose", "double", "hello"]
WORLD = ["split", "heal", "clear up", "restart"]
steps = st.lists(
    st.tuples(
        st.sampled_from(WRITES + TRAFFIC + WORLD),
        st.integers(0, NODES - 1),
        st.sampled_from(KEYS),
        st.integers(0, 9),
    ),
    max_size=60,
)


@settings(max_examples=100)
@given(steps)
def test_all_agree_within_two_rounds_and_on_what_is_right(schedule: list[tuple[str, int, str, int]]) -> None:
    run = Run()
    for what, number, key, amount in schedule:
        run.step(what, number, key, amount)
    run.end()
    run.right()
    assert not any(node.refused for node in run.world.nodes)


@settings(max_examples=30)
@given(steps)
def test_in_the_end_nothing_is_held_but_what_counts(schedule: list[tuple[str, int, str, int]]) -> None:
    run = Run()
    for what, number, key, amount in schedule:
        run.step(what, number, key, amount)
    run.end()
    for _ in range(4):
        run.world.tick(3700)
        run.world.settle()
    run.end()
    run.right()
    for node in run.world.nodes:
        assert all(entry.present for entry in node.entries)
        assert sum(entry.kind == CHECKPOINT for entry in node.entries) <= NODES


def written(schedule: list[tuple[str, int, str, int]]) -> list[Entry]:
    """Entries as several authors make them who hear of one another now and then."""
    run = Run()
    found: dict[bytes, Entry] = {}
    for what, number, key, amount in schedule:
        run.step(what, number, key, amount)
        found |= {entry.id: entry for node in run.world.nodes for entry in node.entries}
    return list(found.values())


def merged(*parts: list[Entry]) -> Lattice:
    lattice = Lattice()
    for part in parts:
        for entry in part:
            displaced = lattice.displaced(entry)
            if displaced is not None:
                lattice.put(parse(entry.data), displaced)
    return lattice


def held(lattice: Lattice) -> list[Entry]:
    return list(lattice.buckets)


@settings(max_examples=60)
@given(steps, st.randoms(use_true_random=False))
def test_merging_is_idempotent_commutative_and_associative(
    schedule: list[tuple[str, int, str, int]], chance: Any
) -> None:
    entries = written(schedule)
    parts: list[list[Entry]] = [[], [], []]
    for entry in entries:
        for part in chance.sample(parts, chance.randint(1, 3)):
            part.append(entry)
    for part in parts:
        chance.shuffle(part)
    whole = merged(*parts)
    root = whole.buckets.root
    for order in permutations(parts):
        assert merged(*order).buckets.root == root
    x, y, z = (held(merged(part)) for part in parts)
    assert merged(held(merged(x, y)), z).buckets.root == merged(x, held(merged(y, z))).buckets.root == root
    assert merged(held(whole), x, held(whole), *parts).buckets.root == root
    assert whole.count == len(held(whole)) == sum(len(author.entries) for author in whole.authors.values())
    assert whole.bytes == sum(len(entry.data) for entry in held(whole))

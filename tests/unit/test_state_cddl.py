# SPDX-License-Identifier: GPL-3.0-or-later
"""crdt.cddl against what replicas say: every message and every entry fits it, and none fits that is damaged.

pycddl looks into no byte string, and of a choice of arrays at the first alone: so each layer is validated by itself,
and a body or a write by the rule of its kind.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pycddl import Schema, ValidationError

from ganglion.mesh.state import message
from ganglion.mesh.state.message import Hello
from ganglion_micro import cbor
from support.state import World

CDDL = (Path(__file__).parents[2] / "runtime" / "ganglion" / "mesh" / "state" / "crdt.cddl").read_text()
#: What a body begins with -> its rule.
BODIES = {int(number): rule for rule, number in re.findall(r"^(\w+) += \[(\d), ", CDDL, re.MULTILINE)}
#: The four writes, apart.
WRITES = [
    re.sub(r"^write = +| *;.*$", "", line.strip().removeprefix("/ "))
    for line in re.search(r"^write = .*?\n\n", CDDL, re.DOTALL | re.MULTILINE).group(0).splitlines()  # type: ignore[union-attr]
    if line
]


@cache
def schema(rule: str) -> Schema:
    text = re.sub(r"bstr \.cbor \w+", "bstr", CDDL)
    return Schema(f"captured = {rule}\n{text}")


def fits(rule: str, value: Any) -> bool:
    try:
        schema(rule).validate_cbor(cbor.encode(value))
    except ValidationError:
        return False
    return True


@pytest.fixture(scope="module")
def said() -> dict[int, list[list[Any]]]:
    """What replicas that lose messages say until they agree, by kind."""
    world = World(3)
    a, b, c = world.nodes
    a.does("set", "k", 1)
    a.does("add", "s", "x")
    world.settle()
    world.split([0], [1, 2])
    for number in range(40):
        a.does("set", f"a/{number}", "v" * 10)
        b.does("set", f"b/{number}", number)
    b.does("increment", "n", 3)
    b.does("discard", "s", "x")
    c.does("delete", "k")
    world.lose()
    world.split()
    for _ in range(4):
        world.round()
        b.does("set", "k", "again")
        world.lose()
        a.does("set", "k", "and again")
        world.settle()
    world.now += 2 * 3600 * 10**9
    for node in world.nodes:
        node.does("tick")
    world.settle()
    world.sent += [Hello(a.replica.root, True).body(), *message.vouch([bytes(300)])]
    found: dict[int, list[list[Any]]] = {}
    for body in world.sent:
        found.setdefault(body[0], []).append(cbor.decode(cbor.encode(body)))
    return found


def test_every_message_fits_and_a_damaged_one_does_not(said: dict[int, list[list[Any]]]) -> None:
    assert BODIES == {0: "summary", 1: "entries", 2: "news", 3: "ids", 4: "want", 5: "hello", 6: "vouch"}
    assert {0, 1, 2, 5, 6} <= set(said)
    said = {3: [[3, [[bytes(2), b"\xff" * 12, bytes(24)]], 0]], 4: [[4, bytes(24), 2]], **said}
    for kind, bodies in said.items():
        for body in bodies:
            assert fits(BODIES[kind], body), body
        body = bodies[0]
        for at in range(len(body)):
            assert not fits(BODIES[kind], [*body[:at], None, *body[at + 1 :]]), (kind, at)
        assert not fits(BODIES[kind], body[:-1])
        assert not fits(BODIES[kind], [*body, 0])


def test_every_entry_fits_and_a_damaged_one_does_not(said: dict[int, list[list[Any]]]) -> None:
    kinds = set()
    for body in said[1] + said[2]:
        for _, _, _, entries in body[1]:
            for data in entries:
                tag = cbor.decode(data)
                assert fits("entry", tag)
                assert fits("headers", cbor.decode(tag.value[0]))
                write = cbor.decode(tag.value[2])
                kinds.add((write[0][0], len(write) == 5))
                whole, _, value = WRITES[write[0][0]].partition(", ? ")  # pycddl takes what is optional for required
                rule = f"{whole}, {value}" if value and len(write) == 5 else f"{whole}]" if value else whole
                assert fits(rule, write), write
                for at in range(3):
                    assert not fits(rule, [*write[:at], None, *write[at + 1 :]]), (write, at)
                assert not fits(rule, write[:3])
                assert not fits("entry", cbor.Tag(18, [*tag.value[:3], tag.value[3][:-1]]))
    assert kinds >= {(0, True), (0, False), (1, True), (1, False), (2, True), (3, True)}

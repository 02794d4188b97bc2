# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that are offered while one is typed: few, of however many nodes there are."""

from types import SimpleNamespace
from typing import Any

from ganglion_gateway.dashboard.scripts.choosing import MOST, offered


def node(name: str, *, leaves: Any = None, revoked: int | None = None, sw: str = "") -> Any:
    return SimpleNamespace(name=name, revoked=revoked, sw=sw, caps={"leaves": leaves})


CROWD = [node(f"stall-{number:05}", leaves={"b": {}, "a": {}} if number == 7 else None) for number in range(10_000)]


def anybody(_: Any) -> bool:
    return True


def test_few_of_many_are_offered_and_leaves_with_their_nodes() -> None:
    assert offered(CROWD, "", anybody, leaves=True)[7:10] == ["stall-00007", "stall-00007/a", "stall-00007/b"]
    assert len(offered(CROWD, "", anybody, leaves=True)) == MOST
    assert offered(CROWD, "STALL-09999", anybody, leaves=True) == ["stall-09999"]
    assert offered(CROWD, "00007/B", anybody, leaves=True) == ["stall-00007/b"]
    assert offered(CROWD, "00007/B", anybody, leaves=False) == []


def test_who_is_revoked_or_not_wanted_is_not_offered_and_bad_births_do_no_harm() -> None:
    nodes = [node("a", leaves=["x"]), node("b", revoked=1), node("c", sw="ganglion-agent/1"), node("d", leaves="x")]
    assert offered(nodes, "", lambda one: not one.sw, leaves=True) == ["a", "d"]

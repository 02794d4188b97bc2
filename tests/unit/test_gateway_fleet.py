# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet in memory: who is there, by births, wills and silence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import NotFoundError, RefusedError
from ganglion.units import SECOND
from ganglion_gateway.fleet import MAX_SENSORS, SILENCE, Fleet
from support.mesh import NOW


def born(fleet: Fleet, id: str = "a", *, now: int = NOW, present: bool = True, **fields: Any) -> dict[str, Any]:
    row = {
        "id": id,
        "name": id,
        "board": "sim",
        "sw": "1",
        "epoch": 1,
        "caps": {"sensors": {"t": {"unit": "Cel"}}},
        "tags": [],
        "credential_expires": 0,
        "online": False,
        "first_seen": now,
        "last_seen": now,
        "died": None,
        **fields,
    }
    return fleet.born(row, present=present, now=now)


def reading(value: float, at: int, *, node: str = "a", sensor: str = "t") -> dict[str, Any]:
    return {"node": node, "sensor": sensor, "timestamp": at, "number": value, "value": None, "confidential": ""}


def test_a_birth_makes_a_node_be_there_and_a_will_makes_it_go() -> None:
    fleet = Fleet()
    assert born(fleet)["online"]
    fleet.died("a", NOW + 5)
    assert (fleet.nodes["a"].online, fleet.nodes["a"].died) == (False, NOW + 5)
    assert fleet.changes() == [{"id": "a", "online": False, "last_seen": NOW, "died": NOW + 5}]
    fleet.heard("a", NOW + 9)
    assert (fleet.nodes["a"].online, fleet.nodes["a"].died) == (True, None)


def test_a_retained_birth_says_nothing_of_now() -> None:
    fleet = Fleet()
    assert not born(fleet, present=False)["online"]
    fleet.heard("a", NOW)
    assert fleet.nodes["a"].online


def test_who_is_silent_for_too_long_is_not_there() -> None:
    fleet = Fleet()
    born(fleet)
    fleet.silence(NOW + SILENCE)
    assert fleet.nodes["a"].online
    fleet.silence(NOW + SILENCE + 1)
    assert not fleet.nodes["a"].online


def test_nobody_is_there_after_a_restart_until_it_is_heard() -> None:
    fleet = Fleet()
    row = born(Fleet())
    fleet.load([row], [reading(5, NOW)])
    assert not fleet.nodes["a"].online
    assert fleet.nodes["a"].sensors["t"].unit == "Cel"
    assert [change["id"] for change in fleet.changes()] == ["a"]  # the database is told


def test_when_a_node_was_first_seen_is_kept() -> None:
    fleet = Fleet()
    born(fleet)
    assert born(fleet, now=NOW + 9, sw="2")["first_seen"] == NOW
    assert fleet.nodes["a"].sw == "2"


def test_the_newest_reading_is_shown_whatever_comes_late() -> None:
    fleet = Fleet()
    born(fleet)
    rows = [reading(1, NOW), reading(3, NOW + 2), reading(2, NOW + 1)]
    assert fleet.read(rows) == (rows, 0)
    assert (fleet.nodes["a"].sensors["t"].value, fleet.nodes["a"].sensors["t"].timestamp) == (3, NOW + 2)


def test_no_node_may_fill_the_memory_with_sensors() -> None:
    fleet = Fleet()
    born(fleet)
    taken, dropped = fleet.read(reading(1, NOW, sensor=f"s{i}") for i in range(MAX_SENSORS + 5))
    assert (len(taken), dropped) == (MAX_SENSORS, 5)


def test_readings_of_nobody_are_dropped() -> None:
    assert Fleet().read([reading(1, NOW, node="x")]) == ([], 1)


def test_a_node_is_found_by_id_and_by_name_and_the_one_that_is_there_first() -> None:
    fleet = Fleet()
    born(fleet, "a", name="fridge")
    born(fleet, "b", name="fridge", now=NOW + SECOND)
    fleet.died("b", NOW + SECOND)
    assert fleet.find("a").id == "a"
    assert fleet.find("fridge").id == "a"
    fleet.died("a", NOW)
    assert fleet.find("fridge").id == "b"
    with pytest.raises(NotFoundError, match=r"no node is called .freezer.; known are fridge$"):
        fleet.find("freezer")
    with pytest.raises(NotFoundError, match=r"""no node is called 'frige'; did you mean "fridge"\?$"""):
        fleet.find("frige")
    fleet.revoke("b", NOW)
    with pytest.raises(NotFoundError, match=r"known are fridge$"):  # each once
        fleet.find("attic")
    fleet.revoke("a", NOW)
    with pytest.raises(NotFoundError, match=r"no node is called 'frige'; there is none yet$"):
        fleet.find("frige")
    born(fleet, "c", name="fridge")
    for number in range(12):
        born(fleet, f"n{number}", name=f"gate{number:02}")
    with pytest.raises(
        NotFoundError, match=r"known are fridge, gate00, .*, gate08 and 3 more: `ganglion fleet list` lists all$"
    ):
        fleet.find("attic")


def test_a_name_that_two_who_are_there_share_means_nobody() -> None:
    fleet = Fleet()
    born(fleet, "a", name="fridge")
    born(fleet, "b", name="fridge")
    with pytest.raises(RefusedError, match="2 nodes that are online are called 'fridge': say which, a or b"):
        fleet.find("fridge")
    assert fleet.find("a").id == "a"


def test_an_empty_fleet_has_no_node_to_name() -> None:
    with pytest.raises(NotFoundError, match="none yet"):
        Fleet().find("x")


@given(
    st.lists(
        st.tuples(st.sampled_from(["birth", "retained", "death", "heard", "silence", "saved"]), st.integers(0, 60))
    )
)
def test_the_database_always_learns_of_the_last_change(story: list[tuple[str, int]]) -> None:
    fleet, now = Fleet(), NOW
    known: bool | None = None
    for what, seconds in story:
        now += seconds * SECOND
        match what:
            case "birth" | "retained":
                known = born(fleet, now=now, present=what != "retained")["online"]
            case "death":
                fleet.died("a", now)
            case "heard":
                fleet.heard("a", now)
            case "silence":
                fleet.silence(now)
            case "saved":
                for change in fleet.changes():
                    known = change["online"]
    for change in fleet.changes():
        known = change["online"]
    if "a" in fleet.nodes:
        assert known == fleet.nodes["a"].online
        assert fleet.online == int(fleet.nodes["a"].online)


def test_nodes_are_put_in_order_once_until_one_comes_goes_or_is_called_otherwise() -> None:
    fleet = Fleet()
    for id, name in (("c", "barn"), ("a", "yard"), ("b", "barn")):
        born(fleet, id, name=name)
    ordered = fleet.nodes.ordered
    assert [node.id for node in ordered] == ["b", "c", "a"]
    fleet.heard("a", NOW)
    fleet.read([reading(1.0, NOW)])
    born(fleet, "a", name="yard")
    assert fleet.nodes.ordered is ordered
    born(fleet, "a", name="attic")
    assert [node.id for node in fleet.nodes.ordered] == ["a", "b", "c"]
    row = {"id": "d", "name": "attic", "board": "", "sw": "", "epoch": 1, "caps": {}, "tags": []}
    fleet.born({**row, "credential_expires": 0, "last_seen": NOW}, present=True, now=NOW, former="a")
    assert [node.id for node in fleet.nodes.ordered] == ["d", "b", "c"]
    born(fleet, "e", name="cellar")
    assert [node.id for node in fleet.nodes.ordered] == ["d", "b", "c", "e"]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a member signs becomes rows that the tables take, or is counted."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.floor import TOLERANCE
from ganglion.mesh.member import Received
from ganglion.units import SECOND
from ganglion_gateway import rows
from ganglion_gateway.jsonable import jsonable
from ganglion_micro import gl1
from ganglion_micro.cbor import Tag
from support.mesh import NOW, Site

NODE = "n" * 26

#: Anything that CBOR can carry.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers() | st.binary(), inner, max_size=3)
        | inner.map(lambda value: Tag(1, value))
    ),
    max_leaves=8,
)


def event(body: dict[Any, Any], *, seq: int = 1, timestamp: int = NOW) -> Received:
    return Received(gl1.EVENT, NODE, None, {"class": "alert", **body}, 3, seq, timestamp)


def batch(*readings: Any) -> Received:
    return Received(gl1.BATCH, NODE, None, list(readings), 3, 1, NOW)


def test_an_event_is_a_row_with_the_id_that_the_mesh_gave_it() -> None:
    body = {"topic": "alert/fridge", "value": {"c": 8.5}, "timestamp": NOW - 5, "source": "s", "run": "r1"}
    [row] = rows.event_rows([event(body)], NOW + 7).events
    assert row == {
        "id": f"{NODE}-3-1",
        "node": NODE,
        "cls": "alert",
        "epoch": 3,
        "seq": 1,
        "topic": "alert/fridge",
        "value": {"c": 8.5},
        "source": "s",
        "run": "r1",
        "timestamp": NOW - 5,
        "sealed": NOW,
        "received": NOW + 7,
        "stored": NOW + 7,
    }


def test_an_event_of_a_clock_that_is_wrong_says_so_in_its_source() -> None:
    def source(one: Received) -> str:
        [row] = rows.event_rows([one], NOW).events
        return str(row["source"])

    assert source(event({"source": "s", "clock": "bad"})) == "clock=bad s"
    assert source(event({"clock": "bad"})) == "clock=bad"
    assert source(event({"source": "s"}, timestamp=NOW + TOLERANCE)) == "s"
    assert source(event({"source": "s"}, timestamp=NOW + TOLERANCE + 1)) == "clock=bad s"
    assert source(event({"source": "s", "timestamp": NOW + TOLERANCE + 1})) == "clock=bad s"
    assert source(event({"source": "s", "timestamp": 1}, timestamp=1)) == "s", "it may have waited for long"


def test_a_reading_of_a_clock_that_is_wrong_is_of_when_it_came() -> None:
    [row], _ = rows.reading_rows([batch(["t", NOW - 9, 1.5])], NOW, {NODE})
    assert row["timestamp"] == NOW


def test_an_episode_goes_to_its_own_table_and_is_found_by_its_run() -> None:
    body = {"class": "episode", "id": "r7", "script": "watch", "status": "completed", "started": NOW, "steps": []}
    made = rows.event_rows([event(body)], NOW)
    assert (made.episodes[0]["run"], made.episodes[0]["body"]["script"]) == ("r7", "watch")
    assert made.events[0]["value"] is None


def test_a_sequence_beyond_what_a_database_counts_is_refused_and_counted() -> None:
    made = rows.event_rows([event({}, seq=2**63), event({}, seq=2)], NOW)
    assert (len(made.events), made.refused) == (1, 1)


@given(st.dictionaries(st.sampled_from(["topic", "value", "timestamp", "source", "run", "id", "started"]), VALUES))
def test_any_body_is_a_row_that_a_database_takes(body: dict[Any, Any]) -> None:
    for cls in ("alert", "episode"):
        made = rows.event_rows([event({**body, "class": cls})], NOW)
        for row in [*made.events, *made.episodes]:
            for value in row.values():
                if isinstance(value, int) and not isinstance(value, bool):
                    assert -(2**63) <= value < 2**63
            json.dumps(row, allow_nan=False)


@given(st.lists(VALUES | st.lists(VALUES, min_size=3, max_size=3), max_size=4))
def test_any_reading_is_a_row_or_is_counted(readings: list[Any]) -> None:
    made, dropped = rows.reading_rows([batch(*readings)], NOW)
    assert len(made) + dropped == len(readings)
    for row in made:
        assert (row["number"] is None) != (row["value"] is None)
        assert row["number"] is None or math.isfinite(row["number"])
        assert rows.OLDEST <= row["timestamp"] <= NOW + rows.AHEAD
        json.dumps(row, allow_nan=False)


@pytest.mark.parametrize(
    ("stream", "sensor"),
    [("fridge.temperature", "fridge.temperature"), ("sensor/fridge/temperature", "fridge.temperature"), ("a/b", "a.b")],
)
def test_streams_and_topics_name_the_same_sensor(stream: str, sensor: str) -> None:
    made, _ = rows.reading_rows([batch([stream, NOW, 5.5])], NOW)
    assert [(row["sensor"], row["number"], row["value"]) for row in made] == [(sensor, 5.5, None)]


def test_a_heartbeat_is_no_reading() -> None:
    assert rows.reading_rows([batch([rows.HEARTBEAT, NOW, 10.0])], NOW) == ([], 0)


@pytest.mark.parametrize("timestamp", [0, 5 * SECOND, NOW + 2 * rows.AHEAD, -1, "now", 2**64 - 1])
def test_a_clock_that_was_never_set_gives_way_to_ours(timestamp: Any) -> None:
    made, _ = rows.reading_rows([batch(["s", timestamp, 1])], NOW)
    assert made[0]["timestamp"] == NOW


def test_a_number_that_a_float_cannot_hold_is_kept_whole() -> None:
    made, _ = rows.reading_rows([batch(["s", NOW, 2**60 + 1], ["b", NOW, True], ["t", NOW, "on"])], NOW)
    assert [(row["number"], row["value"]) for row in made] == [(None, 2**60 + 1), (1.0, None), (None, "on")]


def test_a_node_is_what_its_credential_and_its_birth_say(tmp_path: Path) -> None:
    site = Site(tmp_path)
    gateway, node = site.member("gateway", role="gateway"), site.member("fridge")
    caps = {"sensors": {"fridge.temperature": {"unit": "Cel"}}}
    received = gateway.hears(node.birth(board="sim", sw="x/1", caps=caps, name="somebody else"))
    assert received is not None
    row = rows.node_row(received, NOW)
    assert (row["name"], row["board"], row["caps"]) == ("fridge", "sim", caps)
    received = gateway.hears(node.birth(board=7, sw=None, caps=[1]))
    assert received is not None
    assert (rows.node_row(received, NOW)["board"], rows.node_row(received, NOW)["caps"]) == ("", {})


@given(VALUES)
def test_cbor_becomes_json(value: Any) -> None:
    json.dumps(jsonable(value), allow_nan=False)

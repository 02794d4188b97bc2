# SPDX-License-Identifier: GPL-3.0-or-later
"""bench path: what is printed of what was measured."""

import json
from pathlib import Path

import jsonschema
import pytest

from ganglion.errors import GanglionError
from ganglion_tools.bench import node_red
from ganglion_tools.bench.command import result
from ganglion_tools.bench.path import Measured, beside

OURS = Measured(rate=75_000, p50=0.2, p99=0.5, idle=30, after=31, start=200)
RED = Measured(rate=50_000, p50=0.4, p99=1.5, idle=100, after=140, start=300)
PAHO = Measured(rate=40_000, p50=0.2, p99=0.4, idle=20, after=20, start=50)

FIGURES = {
    "type": "object",
    "required": ["bench", "version", "machine", "figures"],
    "additionalProperties": False,
    "properties": {
        "bench": {"const": "path"},
        "version": {"type": "string", "minLength": 1},
        "machine": {"type": "string", "minLength": 1},
        "figures": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "unit", "value", "peer", "peer_value", "ratio", "goal", "met"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "unit": {"type": "string"},
                    "value": {"type": "number"},
                    "peer": {"type": ["string", "null"]},
                    "peer_value": {"type": ["number", "null"]},
                    "ratio": {"type": ["number", "null"]},
                    "goal": {"type": ["number", "null"]},
                    "met": {"type": ["boolean", "null"]},
                },
            },
        },
    },
}


def test_a_goal_is_for_node_red_and_the_plain_script_informs():
    figures = beside({"ganglion": OURS, "Node-RED": RED, "paho script": PAHO})
    assert {each.name: each.met for each in figures if each.goal is not None} == {
        "events per second": True,
        "round trip, p99": True,
        "memory, idle": True,
        "memory, after the load": True,
        "start to first answer": False,
    }
    assert {each.peer for each in figures if each.goal is not None} == {"Node-RED"}
    assert [each.ratio for each in figures if each.name == "events per second"] == [1.5, 1.875]


def test_a_peer_that_is_not_there_has_no_value_and_no_verdict():
    figures = [each for each in beside({"ganglion": OURS, "paho script": PAHO}) if each.peer == "Node-RED"]
    assert len(figures) == 6
    assert {(each.peer_value, each.ratio, each.met) for each in figures} == {(None, None, None)}


def test_the_document_has_the_shape_that_others_read():
    made = result("path", beside({"ganglion": OURS, "paho script": PAHO}))
    jsonschema.validate(json.loads(json.dumps(made.data)), FIGURES)
    assert "not installed" in made.text()
    assert made.exit_code == 0


def test_node_reds_flow_is_one_wire_from_topic_to_topic():
    nodes = {node["id"]: node for node in node_red.flow(1883)}
    (function,) = nodes["in"]["wires"][0]
    (out,) = nodes[function]["wires"][0]
    assert (nodes["in"]["topic"], nodes[function]["type"], nodes[out]["topic"]) == ("bench/in", "function", "bench/out")
    assert {node["broker"] for node in nodes.values() if node["type"].startswith("mqtt ")} == {"broker"}


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_node_there_is_no_node_red_even_where_the_cache_has_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    red = tmp_path / "cache" / "ganglion" / f"node-red-{node_red.VERSION}" / "node_modules" / "node-red" / "red.js"
    red.parent.mkdir(parents=True)
    red.touch()
    with pytest.raises(GanglionError, match="apt-get install nodejs npm"):
        node_red.install()
    program(tmp_path / "bin", "node", "exit 0")
    node_red.install()  # nothing to fetch, so npm is not missed
    red.unlink()
    red.parent.rmdir()
    with pytest.raises(GanglionError, match="apt-get install nodejs npm"):
        node_red.install()


def test_an_install_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    program(tmp_path / "bin", "node", "exit 0")
    program(tmp_path / "bin", "npm", "echo 'no such version' >&2; exit 1")
    with pytest.raises(GanglionError, match=f"npm could not install Node-RED {node_red.VERSION}: no such version"):
        node_red.install()
    assert list((tmp_path / "cache" / "ganglion").iterdir()) == []

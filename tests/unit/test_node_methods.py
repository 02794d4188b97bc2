# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of a node, those of all that its configuration can have."""

from pathlib import Path

from ganglion.config import load
from ganglion.mesh.parameters import taken_by
from ganglion.node.node import Node

WHOLE = """
[node]
name = "whole"
[mqtt]
broker = "mqtt://127.0.0.1:1"
[mesh]
id = "lbs5gsjx4rbmc"
[history]
[bridge]
[leaves]
host = "127.0.0.1"
port = 4545
"""
#: They get whatever comes: the rest is for the leaf, and what a newer gateway carries along.
OPEN = {"leaf.call", "bus.event"}


def test_every_method_says_which_parameters_it_takes(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(WHOLE)
    node = Node(load(tmp_path / "node.toml"), tmp_path / "state")
    assert node._mesh is not None
    served = node._mesh._methods._methods
    assert {"leaf.list", "history.query", "bridge.set", "actuators.set", "kv.watch"} <= served.keys()
    assert {name for name, method in served.items() if taken_by(method.handler) is None} == OPEN

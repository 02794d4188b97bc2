# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs the rule of `ganglion bench path`: what is above 50 in `bench/in` goes to `bench/out`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganglion_tools.bench import node_red, paho_rule

_SCRIPT = """\
version: "2.2"
dialect: edge/1
name: bench
triggers:
  - {id: high, mqtt: bench/in, field: value, above: 50, run: pass_on}
protocols:
  - name: pass_on
    steps:
      - {id: say, action: publish, topic: "mqtt:bench/out", value: "{event.value}"}
      - {id: done, action: end}
"""
_NODE = """\
[node]
name = "bench"
scripts = ["bench.yaml"]
[mqtt]
broker = "mqtt://127.0.0.1:{port}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to run the rule.

    Attributes:
        name: What figures call it.
        command: Writes what it needs into an empty folder, and gives the command line for a broker's port.
    """

    name: str
    command: Callable[[Path, int], list[str]]


def _ganglion(folder: Path, port: int) -> list[str]:
    (folder / "bench.yaml").write_text(_SCRIPT)
    (folder / "node.toml").write_text(_NODE.format(port=port))
    state = folder / "state"
    return [sys.executable, "-m", "ganglion", "node", "run", str(folder / "node.toml"), "--state", str(state)]


def _paho(folder: Path, port: int) -> list[str]:
    return [sys.executable, paho_rule.__file__, str(port)]


GANGLION = Contestant(name="ganglion", command=_ganglion)
NODE_RED = Contestant(name="Node-RED", command=node_red.command)
PAHO = Contestant(name="paho script", command=_paho)

# SPDX-License-Identifier: GPL-3.0-or-later
"""bench mesh: all of it on real brokers, with few messages. How fast it is, is no matter of a test."""

import json
import subprocess
import sys

import pytest

from ganglion_tools.bench import mesh_frames
from ganglion_tools.bench.figure import Figure
from ganglion_tools.bench.mesh_wire import AIOMQTT, BARE

pytestmark = pytest.mark.untraced

#: Runs `ganglion` with a bench of a few messages.
SHORT = """
import sys
from ganglion.cli.main import main
from ganglion_tools.bench import mesh, mesh_cut, mesh_known, mesh_wire
mesh.ROUNDS = {1: 20, 10: 10, 100: 3}
mesh_wire.ROUNDS, mesh_wire.READINGS, mesh_wire.CALLS = 1, {1: 50, 10: 300, 100: 1000}, 5
mesh_known.PEERS, mesh_cut.CUTS = 1000, 2
sys.exit(main(["bench", "mesh", *sys.argv[1:]]))
"""
#: Name, peer, goal of each figure over one broker.
WIRE = [
    *[("signed readings a second, flushed every " + str(burst), BARE, None) for burst in (1, 10, 100)],
    ("signed readings a second through one node in frames", None, 20_000),
    *[(f"command there and back, {which}", peer, None) for peer in (AIOMQTT, BARE) for which in ("p50", "p99")],
]


def test_every_figure_is_there_with_its_peer_and_its_goal() -> None:
    done = subprocess.run([sys.executable, "-c", SHORT, "--json"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert {line.partition(": ")[0] for line in done.stderr.splitlines()} == {"bench mesh"}
    assert "without" not in done.stderr
    document = json.loads(done.stdout)
    assert document["bench"] == "mesh"
    found = [Figure(**each) for each in document["figures"]]
    for each in found:
        assert each.value > 0
        assert (each.peer is None) == (each.peer_value is None)  # all peers are installed with the tests
        assert (each.goal is None) == (each.met is None)
    expected = []
    for size in (1, 10, 100):
        for verb in ("seal", "open"):
            expected += [
                (f"{verb} a frame of {size} reading{'s' * (size > 1)}", mesh_frames.BARE, 1.3),
                (f"{verb}, readings a second in frames of {size}", mesh_frames.UNSIGNED, None),
            ]
    for broker in ("NATS Server", "Mosquitto"):
        expected += [(f"{name}, over {broker}", peer, goal) for name, peer, goal in WIRE]
    expected += [
        ("memory for 1,000 known peers", None, 16),
        ("memory for 1,000 known peers, as Python counts it", None, None),
    ]
    for length in (3, 5, 9):
        name = f"way around a cut in a line of {length}, in virtual time"
        expected += [(f"{name}, p50", None, None), (f"{name}, p95", None, 3)]
    assert [(each.name, each.peer, each.goal) for each in found] == expected
    (counted,) = [each.value for each in found if each.name.endswith("as Python counts it")]
    assert counted < 16 / 10  # the same share of the goal for ten thousand

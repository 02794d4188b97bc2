# SPDX-License-Identifier: GPL-3.0-or-later
"""bench bus: what is counted is right before it is timed. How fast it is, is no matter of a test."""

import json
import subprocess
import sys

import pytest

from ganglion.errors import GanglionError
from ganglion_tools.bench import timing
from ganglion_tools.bench.figure import Figure, figure

pytestmark = pytest.mark.untraced

#: Runs `ganglion` with a bench of a few events.
SHORT = """
import sys
from ganglion.cli.main import main
from ganglion_tools.bench import timing
timing.REPEATS = 1
sys.exit(main(["bench", "bus", *sys.argv[1:]]))
"""


def test_every_figure_has_both_backends_and_its_peers_beside_it():
    done = subprocess.run([sys.executable, "-c", SHORT, "--json"], capture_output=True, check=True)
    document = json.loads(done.stdout)
    assert document["bench"] == "bus"
    found = [Figure(**each) for each in document["figures"]]
    for each in found:
        assert each.value > 0
        assert (each.peer is None) == (each.peer_value is None)  # all peers are installed with the tests
        if each.peer_value is not None:
            assert each.ratio == each.value / each.peer_value
    assert {each.peer for each in found} == {None, "pyee", "blinker", "paho.mqtt.matcher"}
    names = {each.name.rpartition(", ")[0] for each in found}
    assert {each.name for each in found} == {f"{name}, {backend}" for name in names for backend in ("native", "python")}


def test_who_loses_an_event_has_no_figure():
    lossy = timing.Contestant(name="lossy", run=lambda rounds: rounds - 1, expected=1)
    with pytest.raises(GanglionError, match="lossy counted 9 of 10 events"):
        timing.nanoseconds([lossy], rounds=10)


@pytest.mark.parametrize(
    ("value", "peer_value", "more_is_better", "goal", "met"),
    [
        (300.0, 200.0, True, 1.5, True),
        (290.0, 200.0, True, 1.5, False),
        (30.0, 100.0, False, 0.35, True),
        (36.0, 100.0, False, 0.35, False),
        (36.0, None, False, 0.35, None),
        (36.0, 100.0, False, None, None),
    ],
)
def test_a_goal_beside_a_peer_is_about_the_ratio(value, peer_value, more_is_better, goal, met):
    made = figure(
        name="x", unit="y", value=value, more_is_better=more_is_better, peer="p", peer_value=peer_value, goal=goal
    )
    assert made.met is met


@pytest.mark.parametrize(("value", "met"), [(164.0, True), (166.0, False)])
def test_a_goal_without_a_peer_is_about_the_value(value, met):
    assert figure(name="x", unit="ns", value=value, more_is_better=False, goal=165.0).met is met

# SPDX-License-Identifier: GPL-3.0-or-later
"""bench sensing: every figure is there, and motion is found where there is some. How fast, is no matter of a test."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ganglion_tools.bench import sensing_motion, sensing_weigh
from ganglion_tools.bench.figure import Figure

pytestmark = pytest.mark.untraced

#: Runs `ganglion` with a bench of a few rounds.
SHORT = """
import sys
from ganglion.cli.main import main
from ganglion_tools.bench import sensing, sensing_motion, sensing_rate, timing
timing.REPEATS, sensing.ROUNDS, sensing_motion.PICTURES, sensing_rate.SECONDS = 1, 20, 60, 0.5
sensing.SECONDS, sensing.VOICES, sensing.RATIOS = 1.0, 1, (None,)
sys.exit(main(["bench", "sensing", *sys.argv[1:]]))
"""


def test_every_figure_is_there_with_its_peer() -> None:
    done = subprocess.run([sys.executable, "-c", SHORT, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr  # it says there that a sensor was late, on a machine that does other work
    document = json.loads(done.stdout)
    assert document["bench"] == "sensing"
    found = [Figure(**each) for each in document["figures"]]
    for each in found:
        assert each.value > 0 or each.name.endswith(("lost", "taken for speech, clean", "nobody said")), each
        assert (each.peer is None) == (each.peer_value is None)  # all peers are installed with the tests
        assert (each.goal is None) == (each.met is None)
    assert {each.peer for each in found} == {None, sensing_motion.OPENCV, "NumPy"}
    with tempfile.TemporaryDirectory() as folder:
        kinds = sensing_weigh.kinds(Path(folder))
    names = {f"a sensor of kind {kind}, {which}" for kind in kinds for which in ("the first", "each one more")}
    assert names <= {each.name for each in found}


def test_a_ball_that_rolls_by_is_motion_and_a_lamp_is_not() -> None:
    """Of 200 pictures of a noisy room, some of which have a ball that moves, and in some of which the light changes."""
    found = sensing_motion.found(200, seed=1)
    assert found.precision > 0.97
    assert found.recall > 0.95

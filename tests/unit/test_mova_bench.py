# SPDX-License-Identifier: GPL-3.0-or-later
"""bench mova: what is counted is right before it is timed. How fast it is, is no matter of a test."""

import json
import subprocess
import sys

import pytest

from ganglion.errors import GanglionError
from ganglion.firmware.heap import STEPS, document
from ganglion.mova.check import check
from ganglion.mova.load import load
from ganglion_tools.bench import mova_timed, timing
from ganglion_tools.bench.figure import Figure
from ganglion_tools.bench.mova import ORIGINAL

pytestmark = pytest.mark.untraced

#: Runs `ganglion` with a bench of a few rounds.
SHORT = """
import sys
from ganglion.cli.main import main
from ganglion_tools.bench import mova, mova_weigh, timing
timing.REPEATS, mova._ROUNDS, mova_weigh._STARTS = 1, 40, 1
sys.exit(main(["bench", "mova", *sys.argv[1:]]))
"""


def test_every_figure_has_a_value_and_its_peers_beside_it():
    done = subprocess.run([sys.executable, "-c", SHORT, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {line.partition(": ")[0] for line in done.stderr.splitlines()} == {"bench mova"}
    assert "without" not in done.stderr
    document = json.loads(done.stdout)
    assert document["bench"] == "mova"
    found = [Figure(**each) for each in document["figures"]]
    for each in found:
        assert each.value > 0
        assert (each.peer is None) == (each.peer_value is None)  # all peers are installed with the tests
        assert (each.goal is None) == (each.met is None)
    assert {each.peer for each in found} == {None, ORIGINAL, "json", "yaml", "fastjsonschema", "asteval"}
    # The table of the specification, whose two first figures have a goal beside the original
    assert [each.goal for each in found if each.goal is not None] == [
        *(0.25, 0.35, 1000, 345, 2000),
        *(300_000, 60_000, 100_000, 20, 24),
    ]


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_what_is_read_and_checked_is_a_valid_document_of_the_size_that_is_said(suffix):
    document = load(mova_timed.text(suffix), file=f"order{suffix}")
    assert check(document) == []
    assert 3_300 <= mova_timed.DOCUMENT.stat().st_size < 3_500


def test_a_boards_plan_has_steps_of_all_kinds_that_wait_for_nothing():
    fifty = load(document(), file="fifty.yaml")
    assert check(fifty) == []
    assert fifty.root is not None
    steps = fifty.root["protocols"][0]["steps"]
    assert len(steps) == STEPS
    assert {step["action"] for step in steps} == {"set", "condition", "log", "emit", "actuate", "end"}


def test_who_is_wrong_has_no_figure():
    wrong = mova_timed.once("wrong", lambda: False)
    with pytest.raises(GanglionError, match="wrong counted 0 of 10"):
        timing.nanoseconds([wrong], rounds=10)

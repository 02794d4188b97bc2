# SPDX-License-Identifier: GPL-3.0-or-later
"""bench device: every figure is there, each on real parts. How fast, is no matter of a test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion_tools.bench.figure import Figure

pytestmark = pytest.mark.untraced
CACHE = Path(__file__).parents[2] / ".cache"

#: Runs `ganglion` with a bench of small sizes, and the firmware of the tests.
SHORT = """
import sys
from pathlib import Path
from ganglion.cli.main import main
from ganglion_tools.bench import device, device_files
device.FILE, device.REPEATS, device.EDITS, device.UPDATE = 1024, 1, 1, 2048
device_files.CACHE = Path(sys.argv.pop(1))
sys.exit(main(["bench", "device", *sys.argv[1:]]))
"""


def test_every_figure_is_there_with_its_peer() -> None:
    command = [sys.executable, "-c", SHORT, str(CACHE), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["bench"] == "device"
    found = [Figure(**each) for each in document["figures"]]
    for each in found:
        assert each.value > 0, each
        assert (each.peer is None) == (each.peer_value is None)  # all peers are installed with the tests
        assert (each.goal is None) == (each.met is None)
    assert [(each.unit, each.peer) for each in found] == [
        ("B/s", "mpremote"),
        ("B/s", "mpremote"),
        ("s", None),
        ("s", None),
        ("s", None),
        ("s", "the same without loss"),
        ("1/s", None),
        ("KiB", None),
    ]

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
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "bench device: files of 1 KiB beside mpremote, 1 times each",
        "bench device: an edit until it runs, on a board on a serial port",
        "bench device: a broker, a gateway, a node and a leaf, until they are one mesh",
        "bench device: an edit until it runs, on a node",
        "bench device: an edit until it runs, on a leaf",
        "bench device: an update of 2 KiB over the mesh with 0% loss",
        "bench device: an update of 2 KiB over the mesh with 5% loss",
        "bench device: steps of a script on an emulated board",
        "bench device: the heap of the agent under MicroPython of 32 bits",
    ]
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

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node needs is a short list, and no module of a node imports more at its start."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_is_installed_on_a_router_is_this_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[^\w-]", text)[0] for text in project["dependencies"]}
    assert named == {"cffi", "aiomqtt", "paho-mqtt", "cbor2", "cronsim", "pynacl", "pyyaml"}


def test_a_node_starts_without_what_it_has_not_asked_for() -> None:
    says = "import sys, ganglion.node.node; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert {"ganglion", "nacl"} <= loaded
    for heavy in ("aiomqtt", "paho", "cronsim", "smbus2", "gpiod", "serial", "numpy", "httpx", "sqlalchemy", "bleak"):
        assert heavy not in loaded, heavy

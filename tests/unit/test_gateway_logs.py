# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's log: what failed, and nothing that nobody is to read."""

import subprocess
import sys

import pytest

FAILS = """
import structlog
from ganglion_gateway import logs
logs.configure("info", as_json={as_json})
def connect(password):
    raise OSError("the server is away")
try:
    connect("".join(["sword", "fish"]))
except OSError as error:
    structlog.get_logger("x").error("failed", exc_info=error, token="gt_" + "A" * 43)
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_traceback_shows_no_variables(as_json: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILS.format(as_json=as_json)], capture_output=True, text=True, timeout=60
    )
    assert "the server is away" in done.stderr
    assert "connect" in done.stderr
    assert "swordfish" not in done.stderr
    assert "A" * 43 not in done.stderr

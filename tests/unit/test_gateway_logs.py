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


SAYS = """
import structlog
from ganglion_gateway import logs
logs.configure("info", as_json={as_json})
try:
    raise OSError("no answer from redis://cache:" + "sword" + "fish@10.0.0.1/0")
except OSError as error:
    structlog.get_logger("x").error("failed", exc_info=error, node="a\x1b[2Jb\x9b1m", reason="c\x1b]0;d\x07 e")
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_is_shown_by_a_traceback_and_no_text_commands_the_terminal(as_json: bool) -> None:
    code = SAYS.format(as_json=as_json)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "no answer from redis://cache:(hidden)@10.0.0.1/0" in done.stderr
    assert "\x1b" not in done.stderr
    assert as_json or "\x9b" not in done.stderr

# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds from a save to what was saved running on the device, by `ganglion dev` as people run it."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from ganglion.errors import GanglionError

#: A script and a program, each with a number that changes at each save.
SCRIPT = """\
version: "2.2"
dialect: edge/1
name: edited
triggers: [{{id: called, event: call, run: tell}}]
protocols: [{{name: tell, steps: [{{id: say, action: log, message: "{number}"}}]}}]
tests: [{{name: it tells, feed: {{"event:call": [[1s, 1]]}}, expect: [{{ran: tell}}]}}]
"""
PROGRAM = "print('saved', {number})\n"
#: Seconds that all edits of a device may take.
_LIMIT = 300


def seconds(device: str, edits: int, environment: Mapping[str, str]) -> float:
    """In the middle of so many edits.

    Args:
        device: As the command takes it: a serial port runs the program, all others the script.
        environment: By which the command finds the gateway.

    Raises:
        GanglionError: the command ended.
    """
    is_serial = device.startswith("/")
    text = PROGRAM if is_serial else SCRIPT
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as name:
        file = Path(name) / ("it.py" if is_serial else "it.yaml")
        file.write_text(text.format(number=0))
        command = [sys.executable, "-m", "ganglion", "dev", device, str(file), "--json"]
        with subprocess.Popen(  # noqa: S603 - our own words
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        ) as child:
            limit = threading.Timer(_LIMIT, child.kill)
            limit.start()
            try:
                _until(child, is_serial, 0)
                taken = []
                for number in range(1, edits + 1):
                    file.write_text(text.format(number=number))
                    began = time.perf_counter()
                    _until(child, is_serial, number)
                    taken.append(time.perf_counter() - began)
            finally:
                limit.cancel()
                child.terminate()
    return statistics.median(taken)


def _until(child: "subprocess.Popen[str]", is_serial: bool, number: int) -> None:
    """Reads what the command says until the edit of this number runs."""
    assert child.stdout is not None
    line = out = ""
    for line in child.stdout:
        said = json.loads(line)
        out += str(said.get("out", ""))
        if f"saved {number}\n" in out if is_serial else said.get("live") is True:
            return
    raise GanglionError(f"bench: `ganglion dev` ended: {line.strip() or 'it said nothing'}")

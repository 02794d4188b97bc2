# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion mova check` takes as a process, and what scripts weigh that wait for their triggers."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from ganglion.errors import GanglionError

SCRIPTS = 1000
_STARTS = 11

#: The process tells its own peak: what the kernel tells of a child counts what its parent had, too.
_PEAK = """
import sys
from ganglion.cli.main import main
try:
    main(sys.argv[1:])
finally:
    with open("/proc/self/status") as lines:
        print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")), file=sys.stderr)
"""

#: In a process of its own: what others have freed before would hide it.
_WEIGH = """
import gc, sys
from pathlib import Path
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.shell import ScriptRunner

def own():
    gc.collect()
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))

def add(i):
    own = text.replace("fridge_watch", f"script_{i}").replace("fridge.temperature", f"room_{i}.temperature")
    runner.add(compile(load(own, file="script.yaml")))

text = Path(sys.argv[1]).read_text()
runner = ScriptRunner(Bus(), None, Clock())
add(-1)
before = own()
for i in range(int(sys.argv[2])):
    add(i)
print(own() - before, len(runner.scripts) - 1)
"""


def check(document: Path) -> tuple[float, float]:
    """Seconds from start to end of `ganglion mova check` in the middle, and its resident memory at the most, in MB."""
    command = [sys.executable, "-m", "ganglion", "mova", "check", str(document)]
    taken = []
    for _ in range(_STARTS):
        began = time.perf_counter()
        _said(command)
        taken.append(time.perf_counter() - began)
    peak = int(_said([sys.executable, "-c", _PEAK, *command[3:]]).stderr.split()[-1])
    return statistics.median(taken), peak * 1024 / 1e6


def mebibytes(document: Path) -> float:
    """Of memory, for many scripts that are loaded as a node loads them, each listening to a sensor of its own."""
    kibibytes, scripts = _said([sys.executable, "-c", _WEIGH, str(document), str(SCRIPTS)]).stdout.split()
    if int(scripts) != SCRIPTS:
        raise GanglionError(f"bench: {scripts} of {SCRIPTS} scripts were loaded, so they have no figure")
    return int(kibibytes) / 1024


def _said(command: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise GanglionError(f"bench: {' '.join(command[1:3])} failed: {done.stderr.strip()[-300:]}")
    return done

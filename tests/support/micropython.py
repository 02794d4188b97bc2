# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a script under a real MicroPython, the unix port of Debian 13."""

import os
import subprocess
from pathlib import Path

from ganglion_tools.micropython import interpreter

ROOT = Path(__file__).parents[2]


def run(
    script: Path, *arguments: str | Path, heap: str = "1024k", timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs a script under MicroPython, with `ganglion_micro` to be imported and so many bytes of heap.

    Raises:
        GanglionError: there is no MicroPython here, and none could be fetched.
    """
    path = os.pathsep.join(["", ".frozen", str(ROOT / "firmware"), str(ROOT / "tests")])
    return subprocess.run(
        [*interpreter(ROOT / ".cache" / "micropython"), "-X", f"heapsize={heap}", script, *arguments],
        env={"MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
    )

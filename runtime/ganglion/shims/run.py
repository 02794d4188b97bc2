# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a MicroPython script in this process."""

import sys
from pathlib import Path

from ganglion.errors import NotFoundError
from ganglion.shims.interrupts import INTERRUPTS
from ganglion.shims.world import World


def run(script: Path, arguments: list[str]) -> None:
    """Runs a script to its end, as `__main__`, with its folder and that folder's `lib` to import from.

    Raises:
        NotFoundError: there is no such file.
        BaseException: what the script does not catch, SystemExit included.
    """
    if not script.is_file():
        raise NotFoundError(f"there is no script {script}")
    folder = script.parent
    world = World([str(folder), str(folder / "lib")], [str(script), *arguments])
    INTERRUPTS.clear()
    INTERRUPTS.attach()
    world.run(script)
    INTERRUPTS.run()
    sys.stdout.flush()

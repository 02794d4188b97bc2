# SPDX-License-Identifier: GPL-3.0-or-later
"""A reset begins the script again, in this process's place, and tells it why. The machine itself goes on."""

import os
import sys
import threading
from typing import NoReturn

POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = 1, 2, 3, 4, 5
_CAUSE, _MEMORY = "GANGLION_SHIMS_RESET_CAUSE", "GANGLION_SHIMS_RTC_MEMORY"

#: What `RTC.memory` keeps over a reset.
memory = bytes.fromhex(os.environ.pop(_MEMORY, ""))
#: Why this run of the script began.
cause = int(os.environ.pop(_CAUSE, POWER_ON))
_command: list[str] = []
_folder = "."


def by(command: list[str]) -> None:
    """Says which command begins the script, in the folder of now."""
    global _command, _folder
    _command, _folder = command, os.getcwd()


def keep(data: bytes) -> None:
    """Sets `memory`."""
    global memory
    memory = data


def restart(why: int) -> NoReturn:
    """Begins the script again. One that is a part of another program ends instead.

    Raises:
        SystemExit: nobody knows how to begin it.
    """
    if why != WATCHDOG:  # what hangs may hang in a write, and hold what a flush would wait for
        sys.stdout.flush()
        sys.stderr.flush()
    if not _command:
        if threading.current_thread() is threading.main_thread():
            raise SystemExit
        os._exit(1)  # no exception would reach the program
    os.chdir(_folder)
    os.execve(_command[0], _command, {**os.environ, _CAUSE: str(why), _MEMORY: memory.hex()})  # noqa: S606

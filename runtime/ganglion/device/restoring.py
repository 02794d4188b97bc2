# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a device start its own program again when the one that used it has died, however it died.

Run as `python -m ganglion.device.restoring PORT BAUD`, it waits at its stdin: where that ends without a word, whoever
held it is dead.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from ganglion.device.port import Port, open_port
from ganglion.device.session import Session
from ganglion.errors import GanglionError

#: Seconds in which the port has to be free: the kernel closes what the dead had open.
_FREE = 10.0
_AGAIN = 0.2


class Restoring:
    """A process that outlives this one; a context manager, at whose end the device is as it should be.

    Args:
        port, baud, more: What it is told.
        module: What it runs, which ends in `restore`.
    """

    def __init__(self, port: str, baud: int, *more: str, module: str = "ganglion.device.restoring") -> None:
        # Not what lies in the folder that one works in, which may well be a board's own serial.py or time.py
        words = [sys.executable, "-P", "-m", module, port, str(baud), *more]
        folders = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        # A session of its own: the terminal's Ctrl-C and hang-up are not for it.
        self._child = subprocess.Popen(  # noqa: S603 - our own words
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._child.communicate(b"done", timeout=_FREE)
        except (OSError, subprocess.TimeoutExpired):
            self._child.kill()
            self._child.wait()


def restore(opened: Callable[[], Port]) -> int:
    """Waits, and restores; the exit code is 1 where the device could not be had.

    Args:
        opened: Opens its port.
    """
    if sys.stdin.buffer.read():
        return 0
    until = time.monotonic() + _FREE
    while True:
        try:
            with Session(opened(), restart=True):
                return 0
        except GanglionError:
            if time.monotonic() > until:
                return 1
            time.sleep(_AGAIN)


if __name__ == "__main__":
    sys.exit(restore(lambda: open_port(sys.argv[1], baud=int(sys.argv[2]))))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a device start its own program again when the one that used it has died, however it died.

Run as `python -m ganglion.device.restoring PORT BAUD`, it waits at its stdin: where that ends without a word, whoever
held it is dead.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from ganglion.device.port import open_port
from ganglion.device.session import Session
from ganglion.errors import GanglionError

#: Seconds in which the port has to be free: the kernel closes what the dead had open.
_FREE = 10.0
_AGAIN = 0.2


class Restoring:
    """A process that outlives this one; a context manager, at whose end the device is as it should be."""

    def __init__(self, port: str, baud: int) -> None:
        # Not what lies in the folder that one works in, which may well be a board's own serial.py or time.py
        words = [sys.executable, "-P", "-m", "ganglion.device.restoring", port, str(baud)]
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


def main(port: str, baud: int) -> int:
    """Waits, and restores; the exit code is 1 where the device could not be had."""
    if sys.stdin.buffer.read():
        return 0
    until = time.monotonic() + _FREE
    while True:
        try:
            with Session(open_port(port, baud=baud), restart=True):
                return 0
        except GanglionError:
            if time.monotonic() > until:
                return 1
            time.sleep(_AGAIN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))

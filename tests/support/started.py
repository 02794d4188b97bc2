# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that a person starts in a terminal and ends with Ctrl-C."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class Started:
    """One that runs; everything it says is kept."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.said: list[str] = []
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return "".join(self.said)

    def until_it_says(self, words: str, *, within: float) -> None:
        """Returns when the words have come.

        Raises:
            AssertionError: it ended or fell silent before.
        """
        deadline = time.monotonic() + within
        while words not in self.text:
            ended = not self._reader.is_alive()
            assert not ended, f"it ended and did not say {words!r}:\n{self.text}"
            assert time.monotonic() < deadline, f"it did not say {words!r} within {within} s:\n{self.text}"
            time.sleep(0.02)

    def interrupt(self, *, within: float = 20) -> int:
        """Ctrl-C: SIGINT to all of it; returns the exit code."""
        os.killpg(self._process.pid, signal.SIGINT)
        code = self._process.wait(within)
        self._reader.join(within)
        return code

    def kill(self) -> None:
        """SIGKILL to what is left of it."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.said += lines  # as they come


@contextmanager
def started(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Started]:
    """Starts a program; at the end of the block nothing of it runs any more."""
    program = Started(command, folder, environment)
    try:
        yield program
    finally:
        program.kill()

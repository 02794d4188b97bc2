# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's terminal with a program in it: a pty that is its controlling terminal."""

import contextlib
import os
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join(str(ROOT / folder) for folder in ("runtime", "firmware", "gateway", "tools", "tests"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": PATH, "PYTHONUNBUFFERED": "1"}
GANGLION = [sys.executable, "-m", "ganglion"]
#: Seconds that anything may take.
PATIENCE = 60.0


class Terminal:
    """One with a program that runs there; `said` is all that it has shown."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._person, self.end = os.openpty()
        self.before = termios.tcgetattr(self.end)
        self.said = ""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=folder,
            env=ENVIRONMENT,
            stdin=self.end,
            stdout=self.end,
            stderr=self.end,
        )

    def type(self, keys: bytes) -> None:
        os.write(self._person, keys)

    def until(self, words: str) -> str:
        """Returns what was said before the words, once they have come; both are done with."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.said:
            assert time.monotonic() < deadline, f"it did not say {words!r}: {self.said!r}"
            if select.select([self._person], [], [], 0.1)[0]:
                self.said += os.read(self._person, 4096).decode(errors="replace")
            elif self.process.poll() is not None:
                raise AssertionError(f"it ended and did not say {words!r}: {self.said!r}")
        before, _, self.said = self.said.partition(words)
        return before

    def ended(self) -> int:
        """Its exit code."""
        return self.process.wait(PATIENCE)

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal's modes are as they were."""
        return termios.tcgetattr(self.end) == self.before

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._person)
        os.close(self.end)


@contextlib.contextmanager
def terminal(*words: str, folder: Path, command: Sequence[str] = GANGLION) -> Iterator[Terminal]:
    """`ganglion` with these words, in a terminal of its own."""
    made = Terminal([*command, *words], folder)
    try:
        yield made
    finally:
        made.close()

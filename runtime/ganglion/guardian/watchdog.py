# SPDX-License-Identifier: GPL-3.0-or-later
"""A small process beside the node that makes its actuators safe when the node is killed, or hangs.

It is told at its start what to write then, and hears a heartbeat through a pipe, which the kernel closes when the node
dies, whatever it died of. What it writes is in native/watchdog/watchdog.c.
"""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from ganglion.errors import RefusedError
from ganglion.guardian.raw import LineWrite, Raw, joined

_log = logging.getLogger(__name__)

#: Milliseconds without a heartbeat after which the node counts as hung.
SILENCE_MS = 5000
#: The program, beside the native core; the twin where it is not built.
PROGRAM = Path(__file__).parents[1] / "_watchdog"
TWIN = Path(__file__).with_name("watchdog_twin.py")
#: Seconds that an earlier node's watchdog has to end.
_PATIENCE = 5.0
#: Seconds after the start of one that has ended until the next: none at first, then doubled each time.
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0


def command() -> list[str]:
    """What runs it: the program, or Python without all that the twin does not need."""
    return [str(PROGRAM)] if os.access(PROGRAM, os.X_OK) else [sys.executable, "-I", "-S", str(TWIN)]


class Watchdog:
    """The watchdog of a node. None of its methods waits for the process, but `take_over`.

    Args:
        lock: A file in the node's folder of state, by which the next node finds it.
    """

    def __init__(self, lock: Path) -> None:
        self._path = lock
        self._lock: int | None = None
        self._writes: list[Raw] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = False
        self._began = 0.0
        self._wait = 0.0

    def take_over(self) -> None:
        """Ends the watchdog that an earlier node left: its lines are free then. Blocks.

        Raises:
            RefusedError: it does not end.
        """
        if self._lock is not None:
            return
        lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - began
            if waited > 2 * _PATIENCE:
                os.close(lock)
                raise RefusedError(f"{self._path} is held: an earlier watchdog does not end; end it, and start again")
            said = os.pread(lock, 32, 0).decode(errors="replace").strip()
            if said.isdecimal():  # it holds the lock, so that the number is still its own
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(int(said), signal.SIGTERM if waited < _PATIENCE else signal.SIGKILL)
            time.sleep(0.02)
        os.ftruncate(lock, 0)  # whose number it was is nobody's now
        self._lock = lock

    def watch(self, writes: Iterable[Raw]) -> None:
        """Starts it, or another in its place, with what must be written, in this order."""
        self._writes = joined(writes)
        self._began = time.monotonic()
        self._start()

    def beat(self) -> bool:
        """Says that the node lives; whether the watchdog had thought otherwise. One that has died is started anew."""
        process = self._process
        if process is None:
            self._start()  # where there is something to watch, and it could not be started
            return False
        assert process.stdout is not None
        try:
            fired = bool(os.read(process.stdout.fileno(), 64))
        except BlockingIOError:
            fired = False
        lived = time.monotonic() - self._began
        if process.poll() is None:
            if lived > 2 * _LONGEST_WAIT:
                self._wait = 0.0
            self.say()
        elif lived >= self._wait:
            self._revive(process.returncode)
        return fired

    def say(self) -> None:
        """A heartbeat, where somebody hears it."""
        if self._process is not None:
            self._tell(b".")

    def leave(self, *, done: bool) -> None:
        """Ends it. Where not all is `done` that it had to do, it does it first. Lines that it holds it goes on holding,
        until the next node comes: the kernel may let go of a line that nobody has open."""
        process, self._process = self._process, None
        done = done and not any(isinstance(write, LineWrite) for write in self._writes)
        if process is not None:
            self._end(process, b"q" if done else b"")
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _revive(self, code: int) -> None:
        if not self._wait:
            _log.warning("the watchdog has ended (%s), and is started again", code)
        elif self._wait == _FIRST_WAIT:
            _log.error(
                "the watchdog ends again and again (%s): nobody makes the actuators safe if this node is killed; it is "
                "tried up to once a minute",
                code,
            )
        self._wait = min(2 * self._wait, _LONGEST_WAIT) or _FIRST_WAIT
        self._began = time.monotonic()
        self._start()

    def _start(self) -> None:
        old, self._process = self._process, None
        if old is not None:
            self._end(old, b"q")
        if not self._writes:
            return
        lines = [write.fd for write in self._writes if isinstance(write, LineWrite)]
        words = [str(SILENCE_MS), *(word for write in self._writes for word in write.words)]
        held = [] if self._lock is None else [self._lock]
        for descriptor in held:
            os.ftruncate(descriptor, 0)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*command(), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # it may outlive the node, and whoever waits for the node's last word
                cwd="/",
                pass_fds=(*lines, *held),
                start_new_session=True,
            )
        except OSError as error:
            if not self._failed:
                _log.error(
                    "the watchdog does not start (%s): nobody makes the actuators safe if this node is killed", error
                )
            self._failed = True
            return
        self._failed = False
        for descriptor in held:
            os.pwrite(descriptor, str(process.pid).encode(), 0)
        assert process.stdin is not None
        assert process.stdout is not None
        for pipe in (process.stdin, process.stdout):
            os.set_blocking(pipe.fileno(), False)
        self._process = process

    def _tell(self, said: bytes) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(
                BlockingIOError, BrokenPipeError
            ):  # it is dead, which `beat` sees; or it hangs, which nobody does
                os.write(process.stdin.fileno(), said)

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]", said: bytes) -> None:
        pipes: list[IO[bytes]] = [pipe for pipe in (process.stdin, process.stdout) if pipe is not None]
        with suppress(OSError):
            os.write(pipes[0].fileno(), said)
        for pipe in pipes:
            with suppress(OSError):
                pipe.close()
        if said:
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.0)

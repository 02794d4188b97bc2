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
from ganglion.linux.holders import holders

_log = logging.getLogger(__name__)

#: Milliseconds without a heartbeat after which the node counts as hung.
SILENCE_MS = 5000
#: The program, beside the native core; the twin where it is not built.
PROGRAM = Path(__file__).parents[1] / "_watchdog"
TWIN = Path(__file__).with_name("watchdog_twin.py")
#: Seconds that an earlier node's watchdog has to end, and one that another has taken the place of.
_PATIENCE = 5.0
_GRACE = 1.0
#: Seconds after which one is started that fails at once: doubled each time, up to the longest.
_FIRST_RETRY = 1.0
_LONGEST_RETRY = 60.0


def command() -> list[str]:
    """What runs it: the program, or Python without all that the twin does not need."""
    return [str(PROGRAM)] if os.access(PROGRAM, os.X_OK) else [sys.executable, "-I", "-S", str(TWIN)]


def running(lock: Path) -> list[int]:
    """The numbers of the watchdogs that hold a lock: all others that have it open are nodes."""
    return [holder.pid for holder in holders(str(lock)) if _is_watchdog(holder.pid)]


def _is_watchdog(process: int) -> bool:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False  # gone meanwhile
    return any(os.path.basename(os.fsdecode(word)) in (PROGRAM.name, TWIN.name) for word in words[:4])


class Watchdog:
    """The watchdog of a node. None of its methods waits for the process, but `take_over`, and `leave` for a second.

    Args:
        lock: A file in the node's folder of state, which it has open: so the next node finds it.
    """

    def __init__(self, lock: Path) -> None:
        self._path = lock
        self._lock: int | None = None
        self._writes: list[Raw] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._outdated = False  # whether another must take its place, and could not be started
        self._replaced: list[tuple[subprocess.Popen[bytes], float]] = []  # told to end, until then
        self._complaint = ""
        self._pause = 0.0
        self._again = 0.0

    def take_over(self) -> None:
        """Ends the watchdog that an earlier node left: its lines are free then. Blocks.

        Raises:
            RefusedError: it does not end.
        """
        if self._lock is not None:
            return
        try:
            lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            _log.error("%s; if this node is killed, the next one does not find its watchdog", error)
            return
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - began
            if waited > 2 * _PATIENCE:
                os.close(lock)
                by = ", ".join(map(str, holders(str(self._path)))) or "a process of another user"
                raise RefusedError(
                    f"{self._path} is held by {by}: an earlier watchdog does not end; end it, and start again"
                )
            for process in running(self._path):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGTERM if waited < _PATIENCE else signal.SIGKILL)
            time.sleep(0.02)
        self._lock = lock

    def watch(self, writes: Iterable[Raw]) -> None:
        """Starts it, or another in its place, with what must be written, in this order."""
        self._writes = joined(writes)
        self._start()

    def beat(self) -> bool:
        """Says that the node lives; whether the watchdog had thought otherwise. One that has died is started anew."""
        self._bury()
        fired = False
        if (process := self._process) is not None:
            assert process.stdout is not None
            with suppress(BlockingIOError):
                fired = bool(os.read(process.stdout.fileno(), 64))
            if process.poll() is None:
                self.say()
                if time.monotonic() > self._again + SILENCE_MS / 1000:
                    self._complaint, self._pause = "", 0.0
            else:
                self._process = None
                self._fail(f"the watchdog has ended ({process.returncode}), and is started again")
                _close(process)
        if (self._process is None or self._outdated) and time.monotonic() >= self._again:
            self._start()
        return fired

    def say(self) -> None:
        """A heartbeat, where somebody hears it."""
        if self._process is not None:
            assert self._process.stdin is not None
            # It is dead, which `beat` sees; or it hangs, which nobody does
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self._process.stdin.fileno(), b".")

    def leave(self, *, done: bool) -> None:
        """Ends it. Where not all is `done` that it had to do, it does it first. Lines that it holds it goes on holding,
        until the next node comes: the kernel may let go of a line that nobody has open."""
        process, self._process = self._process, None
        if process is not None:
            if done and not any(isinstance(write, LineWrite) for write in self._writes):
                self._end(process)
            else:
                _close(process)
        for replaced, _ in self._replaced:
            with suppress(subprocess.TimeoutExpired):
                replaced.wait(_GRACE)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _start(self) -> None:
        """The one before is there until another is."""
        self._outdated = False
        old, self._process = self._process, None
        if self._writes:
            try:
                self._process = self._popen()
            except OSError as error:
                self._process, self._outdated = old, True
                self._fail(
                    f"the watchdog does not start ({error}): nobody makes the actuators safe if this node is killed"
                )
                return
        if old is not None:
            self._end(old)

    def _popen(self) -> "subprocess.Popen[bytes]":
        lines = [write.fd for write in self._writes if isinstance(write, LineWrite)]
        held = [] if self._lock is None else [self._lock]
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command(), str(SILENCE_MS), *(word for write in self._writes for word in write.words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may outlive the node, and whoever waits for the node's last word
            cwd="/",
            pass_fds=(*lines, *held),
            start_new_session=True,
        )
        for pipe in _pipes(process):
            os.set_blocking(pipe.fileno(), False)
        return process

    def _fail(self, complaint: str) -> None:
        """Says once what is wrong; the first time it is tried again at once, then at longer and longer intervals."""
        if complaint != self._complaint:
            _log.error(complaint)
        self._complaint = complaint
        self._again = time.monotonic() + self._pause
        self._pause = min(max(2 * self._pause, _FIRST_RETRY), _LONGEST_RETRY)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """Has it end without a write, and does not wait for that."""
        assert process.stdin is not None
        try:
            os.write(process.stdin.fileno(), b"q")
        except OSError:
            process.kill()  # it has not read its heartbeats: what it does when it goes on is not wanted any more
        _close(process)
        self._replaced.append((process, time.monotonic() + _GRACE))

    def _bury(self) -> None:
        self._replaced = [each for each in self._replaced if each[0].poll() is None]
        for process, until in self._replaced:
            if time.monotonic() > until:
                process.kill()


def _pipes(process: "subprocess.Popen[bytes]") -> list[IO[bytes]]:
    return [pipe for pipe in (process.stdin, process.stdout) if pipe is not None]


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in _pipes(process):
        with suppress(OSError):
            pipe.close()

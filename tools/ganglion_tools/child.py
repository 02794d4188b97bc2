# SPDX-License-Identifier: GPL-3.0-or-later
"""One child process: started in a group of its own, its log in a file, gone when its parent is."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError, UnreachableError

_PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_parent() -> None:
    """Runs in the child before exec: a parent that is killed with SIGKILL takes its children with it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A started process.

    Attributes:
        name: What people call it.
        log: The file that takes its stderr.
        pid: Its process id.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self.pid = process.pid
        self._process = process
        self._end: asyncio.Task[int] | None = None

    @classmethod
    async def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        asked: bool = False,
    ) -> "Child":
        """Starts a program. It has a process group of its own, so Ctrl-C at the terminal does not reach it first.

        Args:
            asked: It has a stdin, for `ask`.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE if asked else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        return cls(name, process, log)

    @classmethod
    async def ganglion(cls, name: str, *words: str, broker: str, log: Path) -> "Child":
        """Starts a `ganglion` command with the Python that runs now; `ps` does not show the password in the URL."""
        return await cls.start(
            name, [sys.executable, "-m", "ganglion", *words], log=log, env={"GANGLION_BROKER": broker}
        )

    async def ready(self, *, timeout: float) -> dict[str, Any]:
        """The next JSON line that it says, as the one by which a `ganglion` process says that it is ready.

        Raises:
            GanglionError: it ended instead; the last lines of its log are in the message.
            UnreachableError: `timeout` seconds passed.
        """
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise UnreachableError(f"{self.name} says nothing for {timeout:.0f} s; its log is {self.log}") from None
        if not line:
            await self._process.wait()
            raise GanglionError(self.obituary())
        message: dict[str, Any] = json.loads(line)
        return message

    async def ask(self, question: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        """Writes a document on a line of its stdin; returns the one that it answers. Raises as `ready` does."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):  # it has ended, which is said below
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            await self._process.stdin.drain()
        return await self.ready(timeout=timeout)

    async def kill(self) -> None:
        """SIGKILL, as a power cut ends it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self.wait()

    async def wait(self) -> int:
        """Waits for its end and returns its exit code; any number of callers may wait."""
        if self._end is None:
            self._end = asyncio.create_task(self._drain(), name=f"end of {self.name}")
        return await asyncio.shield(self._end)

    async def _drain(self) -> int:
        """Reads and drops what it still prints, so that it never blocks on a full pipe."""
        assert self._process.stdout is not None
        while await self._process.stdout.read(65536):
            pass
        return await self._process.wait()

    async def stop(self, *, grace: float = 5.0) -> None:
        """SIGTERM, and after `grace` seconds SIGKILL to all of its group."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(grace):
                    await self.wait()
            except TimeoutError:
                pass
        # Also after a clean end: whatever it started itself must not stay behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()

    def obituary(self) -> str:
        """Why it ended, with the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-5:]
        return f"{self.name} ended with code {self._process.returncode}; the end of {self.log}:\n" + "\n".join(lines)

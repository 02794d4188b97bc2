# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion console` for tests: with --json on pipes, or in a terminal."""

import asyncio
import fcntl
import json
import os
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from support.gateway import Process
from support.waiting import until


class Terminal:
    """`ganglion console` with --json: what it shows, as documents."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.shown: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.child.stdout is not None
        while line := await self.child.stdout.readline():
            self.shown.append(json.loads(line))

    def enter(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{line}\n".encode())

    async def ended(self) -> tuple[int | None, str]:
        """Exit code and stderr, when nothing more is entered."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        return await self.ended_by_itself()

    async def ended_by_itself(self) -> tuple[int | None, str]:
        """Exit code and stderr."""
        assert self.child.stderr is not None
        error = await asyncio.wait_for(self.child.stderr.read(), 60)
        await asyncio.wait_for(self._reading, 60)
        return await asyncio.wait_for(self.child.wait(), 60), error.decode()

    async def shows(self, what: str, **wanted: Any) -> dict[str, Any]:
        """The document that has these."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [each for each in self.shown if all(each.get(key) == wanted[key] for key in wanted)]
            return bool(found)

        await until(there, what=f"{what}: {wanted}")
        return found[-1]

    async def says(self, text: str, kind: str = "text") -> dict[str, Any]:
        """The document with this in its text."""
        await until(lambda: any(text in each.get(kind, "") for each in self.shown), what=text)
        return next(each for each in self.shown if text in each.get(kind, ""))


@asynccontextmanager
async def console(gateway: Process, *words: str) -> AsyncIterator[Terminal]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GANGLION_TOKEN": gateway.token}
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", "console", *words, "--gateway", gateway.url, "--json"],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        yield Terminal(child)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


class Typed:
    """`ganglion console` in a terminal: keys go in, and text comes out."""

    def __init__(self, child: asyncio.subprocess.Process, terminal: int) -> None:
        self.child = child
        self.text = ""
        self._terminal = terminal
        os.set_blocking(terminal, False)
        asyncio.get_running_loop().add_reader(terminal, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._terminal, 4096)
        except BlockingIOError:
            return
        except OSError:  # EIO: the other end is closed
            data = b""
        if not data:
            self.close()
        self.text += data.decode("utf-8", "replace")

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._terminal)

    def types(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    async def shows(self, text: str) -> None:
        await until(lambda: text in self.text, what=f"the terminal shows {text!r}")

    async def ended(self) -> int:
        return await asyncio.wait_for(self.child.wait(), 60)


@asynccontextmanager
async def in_terminal(gateway: Process, *words: str) -> AsyncIterator[Typed]:
    ours, theirs = os.openpty()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GANGLION_TOKEN": gateway.token}
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", "console", *words, "--gateway", gateway.url],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # whose Ctrl-C is a signal
    )
    os.close(theirs)
    typed = Typed(child, ours)
    try:
        yield typed
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
        typed.close()
        sys.stderr.write(typed.text)
        os.close(ours)

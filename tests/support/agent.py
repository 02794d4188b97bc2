# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on a real MicroPython, compiled for it, with a board's heap and pins that are files."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ganglion.firmware import build
from ganglion.firmware.asked import ASKED
from ganglion_tools.micropython import interpreter

ROOT = Path(__file__).parents[2]
PROGRAM = """
from ganglion_agent.agent import start

start()
"""
#: The board's own `main.py`, but that its flash is the current folder, and nobody is waited for.
SLOTTED = """
from ganglion_agent import boot

boot.RESCUE_MS = 50
boot.run(".")
"""
#: The exit code of a board that resets itself.
RESET = 77
#: Pointers have 64 bits here, and everything is loaded into memory: a board of 32 bits needs half of it.
HEAP = "400k"


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the agent as it is built for boards, and the `machine` of one that is files."""
    folder = tmp_path_factory.mktemp("firmware")
    for name, data in build(drivers=["bh1750"], modules=ASKED).files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    shutil.copytree(ROOT / "tests" / "support" / "board", folder, dirs_exist_ok=True)
    return folder


class Board:
    """A board: its flash is a folder, its power is the process.

    Attributes:
        folder: Its flash, where its pins are files, too.
    """

    def __init__(self, folder: Path, firmware: Path, heap: str = HEAP) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.console = ""
        self._path = os.pathsep.join(["", ".frozen", str(firmware)])
        self._heap = heap
        self._child: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        (folder / "main.py").write_text(PROGRAM)

    def configure(self, **config: Any) -> None:
        """Writes `agent.json`."""
        (self.folder / "agent.json").write_text(json.dumps(config))

    async def on(self) -> "Board":
        """Power."""
        command = [*interpreter(ROOT / ".cache" / "micropython"), "-X", f"heapsize={self._heap}", "main.py"]
        self._child = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={"MICROPYPATH": self._path},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        while data := await self._child.stdout.read(1000):
            self.console += data.decode()
            sys.stderr.write(data.decode())

    async def ended(self, within: float = 60) -> int:
        """Its exit code, once it ends by itself, in so many seconds."""
        assert self._child is not None
        assert self._reading is not None
        await asyncio.wait_for(self._reading, within)
        return await asyncio.wait_for(self._child.wait(), 60)

    async def interrupt(self) -> int:
        """Ctrl-C."""
        assert self._child is not None
        self._child.send_signal(signal.SIGINT)
        return await self.ended()

    def kill(self) -> None:
        """The power fails, for whoever waits for its end."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                self._child.kill()

    async def off(self) -> None:
        """The power fails."""
        if self._child is not None and self._child.returncode is None:
            self.kill()
            await self.ended()

    def pin(self, number: int) -> float | None:
        """What was written to a pin; None where it is not one yet, or just being written."""
        try:
            return float((self.folder / f"pin{number}").read_text())
        except (OSError, ValueError):
            return None


@asynccontextmanager
async def powered(board: Board) -> AsyncIterator[None]:
    """The board is on, and again after each of its resets."""

    is_on = True

    async def keep() -> None:
        while is_on:
            await board.on()
            code = await board.ended(within=600)
            assert code == RESET or not is_on, board.console[-2000:]

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        is_on = False
        board.kill()
        await keeping

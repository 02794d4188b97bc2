# SPDX-License-Identifier: GPL-3.0-or-later
"""A board without a network: a real MicroPython whose console is a serial line, with a TCP port at the cable's end."""

import asyncio
import os
import sys
import termios
import tty
from contextlib import suppress
from pathlib import Path

from ganglion_tools.micropython import interpreter
from support.agent import HEAP, ROOT, Board


class SerialBoard(Board):
    """A board whose console is at `url`, for one at a time, as a port that `ganglion.device` opens.

    Attributes:
        url: Of the line.
    """

    def __init__(self, folder: Path, firmware: Path, port: int) -> None:
        super().__init__(folder, firmware)
        self.url = f"socket://127.0.0.1:{port}"
        self._port = port
        self._far = -1
        self._server: asyncio.Server | None = None
        self._line: asyncio.StreamWriter | None = None

    async def on(self) -> "SerialBoard":
        """Power, with the cable in."""
        self._far, near = os.openpty()
        tty.setraw(near)
        modes = termios.tcgetattr(near)
        modes[3] |= termios.ISIG  # Ctrl-C interrupts what runs, as a board's UART does it
        termios.tcsetattr(near, termios.TCSANOW, modes)
        self._child = await asyncio.create_subprocess_exec(
            *[*interpreter(ROOT / ".cache" / "micropython"), "-X", f"heapsize={HEAP}", "-i", "main.py"],
            cwd=self.folder,
            env={"MICROPYPATH": self._path},
            stdin=near,
            stdout=near,
            stderr=near,
            preexec_fn=lambda: os.login_tty(0),
        )
        os.close(near)
        os.set_blocking(self._far, False)
        asyncio.get_running_loop().add_reader(self._far, self._said)
        await self.plug()
        return self

    async def plug(self) -> None:
        """The cable is in."""
        self._server = await asyncio.start_server(self._opened, "127.0.0.1", self._port)

    async def pull(self) -> None:
        """The cable is out: what is said meanwhile is lost."""
        if self._server is not None:
            self._server.close()
        if self._line is not None:
            self._line.transport.abort()
        self._server = self._line = None

    def type(self, data: bytes) -> None:
        """A person at the console."""
        os.write(self._far, data)

    async def off(self) -> None:
        """The power fails."""
        await self.pull()
        if self._child is not None:
            asyncio.get_running_loop().remove_reader(self._far)
            self.kill()
            await asyncio.wait_for(self._child.wait(), 60)
            os.close(self._far)
            self._child = None

    async def _opened(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._line = writer
        with suppress(OSError):
            while data := await reader.read(1000):
                os.write(self._far, data)

    def _said(self) -> None:
        try:
            data = os.read(self._far, 4096)
        except OSError:
            asyncio.get_running_loop().remove_reader(self._far)
            return
        text = data.decode(errors="replace")
        self.console += text
        sys.stderr.write(text)
        if self._line is not None:
            self._line.write(data)

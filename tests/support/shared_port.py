# SPDX-License-Identifier: GPL-3.0-or-later
"""A console in a thread of this process, with a pty and an address at which guests come."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ganglion.console.console import Console, Wanted
from ganglion.console.listener import Listener
from ganglion.console.pty import Pty
from ganglion.device.link import Link
from support.console import PATIENCE


def waited(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Events:
    """A screen that keeps what it is told."""

    deadline = None

    def __init__(self) -> None:
        self.said: list[str] = []
        self.out = b""
        self.look = self.close = lambda: None

    def tell(self, text: str) -> None:
        self.said.append(text)

    def received(self, data: bytes) -> None:
        self.out += data

    def sent(self, data: bytes) -> None: ...

    def show(self, text: str) -> None: ...


class Shared:
    """A console that runs here, with a pty and an address, and what it says."""

    def __init__(self, name: str, folder: Path) -> None:
        self.screen = Events()
        self.link = Link(name)
        self.pty = str(folder / "board")
        listener = Listener("0")
        self.url = listener.url
        self.console = Console(
            self.link, self.screen, Wanted(limit=10 * PATIENCE), pty=Pty(self.pty), listener=listener
        )
        self.link.say = self.console.tell

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])), PATIENCE)


@contextmanager
def shared(name: str, folder: Path) -> Iterator[Shared]:
    made = Shared(name, folder)
    thread = threading.Thread(target=made.console.run)
    thread.start()
    try:
        yield made
    finally:
        made.console.stop()
        thread.join(PATIENCE)
        made.console.close()
        made.link.close()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs at the port of a console: all read what the device says, and one at a time writes."""

from collections.abc import Callable, Collection
from typing import Any

from ganglion.console.listener import Client, Listener
from ganglion.console.pen import Pen
from ganglion.console.pty import Pty
from ganglion.console.requests import changes, done, now
from ganglion.console.rfc2217 import Code, Data, Request
from ganglion.device.link import Link
from ganglion.errors import InvalidError

Guest = Pty | Client


class Guests:
    """Those of one console.

    Args:
        link: The port.
        pen: Who writes to it, the console among them.
        pty: Where programs of this machine come in, if they may.
        listener: Where clients of RFC 2217 do.
        wrote: Is told what a guest has written.
        say: Is told in a sentence who begins to write, and who is done.
    """

    def __init__(
        self,
        link: Link,
        pen: Pen,
        *,
        pty: Pty | None,
        listener: Listener | None,
        wrote: Callable[[bytes], None],
        say: Callable[[str], None],
    ) -> None:
        self._link = link
        self._pen = pen
        self._pty = pty
        self._listener = listener
        self._wrote = wrote
        self._say = say
        self._clients: list[Client] = []
        self._is_open = False  # the pty
        self._told: list[Guest] = []  # who has been told that another writes
        self._before: dict[str, Any] = {}  # how the port was set when the pen was taken

    @property
    def needs_looks(self) -> bool:
        """Whether something may happen that no descriptor tells of: a program opens the pty, or sets its speed."""
        return self._pty is not None

    def readable(self) -> list[Guest | Listener]:
        """What to wait for to read."""
        found: list[Guest | Listener] = [*self._clients]
        if self._listener is not None:
            found.append(self._listener)
        if self._pty is not None and self._is_open:
            found.append(self._pty)
        return found

    def writable(self) -> list[Guest]:
        """What to wait for to write."""
        found: list[Guest] = [client for client in self._clients if client.has_waiting]
        if self._pty is not None and self._is_open and self._pty.has_waiting:
            found.append(self._pty)
        return found

    def look(self, ready: Collection[object]) -> None:
        """Does what is to be done for those that are ready, and looks after the others."""
        if self._listener is not None and self._listener in ready:
            client = self._listener.accept(len(self._clients))
            if client is not None:
                self._clients.append(client)
        for client in list(self._clients):
            if client in ready:
                client.flush()
                self._hear(client)
            if client.is_stuck:
                self._leave(client)
        if self._pty is not None:
            self._look_at_pty(self._pty)

    def send(self, data: bytes) -> None:
        """Has everybody read what the device says."""
        if self._pty is not None:
            self._pty.send(data)
        for client in self._clients:
            client.send(data)

    def close(self) -> None:
        """Sends them away."""
        for end in (self._pty, self._listener, *self._clients):
            if end is not None:
                end.close()

    def _look_at_pty(self, pty: Pty) -> None:
        data = pty.read()
        self._is_open = data is not None
        wanted = pty.wanted_speed  # it was set before what has been read was written
        if wanted is not None and self._is_open:
            if self._may_write(pty):
                try:
                    self._link.set(baudrate=wanted)
                except InvalidError as error:
                    self._say(str(error))
            pty.set_speed(self._link.baud)
        if data:
            self._write(pty, data)
        if self._is_open:
            pty.flush()
            return
        self._put_down(pty)
        if pty.speed != self._link.baud:
            pty.set_speed(self._link.baud)

    def _hear(self, client: Client) -> None:
        events = client.read()
        if events is None:
            self._leave(client)
            return
        for event in events:
            match event:
                case Data(data):
                    self._write(client, data)
                case Request() if changes(event, self._link):
                    may = self._may_write(client)
                    client.answer(event, done(event, self._link) if may else now(event, self._link))
                case Request(Code.PURGE) if self._pen.is_held_by(client):
                    client.answer(event, done(event, self._link))
                case Request():
                    client.answer(event, now(event, self._link))

    def _write(self, guest: Guest, data: bytes) -> None:
        if not self._may_write(guest):
            return
        if self._link.write(data):
            self._wrote(data)
        else:
            self._tell(guest, f"{self._link.name} is gone, and what you write with it")

    def _may_write(self, guest: Guest) -> bool:
        if refusal := self._link.refusal:
            self._tell(guest, refusal)
            return False
        if self._pen.is_free and self._pen.take(guest):
            self._told.clear()
            self._before = self._link.settings()
            self._say(f"{self._pen} writes")
        may = self._pen.take(guest)
        if not may:
            self._tell(guest, f"{self._pen} writes here; until that is done you only read")
        return may

    def _tell(self, guest: Guest, words: str) -> None:
        """There is no other way to tell a guest than among what the device says; once is enough."""
        if guest not in self._told:
            self._told.append(guest)
            guest.send(f"\r\nganglion: {words}\r\n".encode())

    def _leave(self, client: Client) -> None:
        client.close()
        self._clients.remove(client)
        self._put_down(client)

    def _put_down(self, guest: Guest) -> None:
        if guest in self._told:
            self._told.remove(guest)
        if self._pen.is_held_by(guest):
            name = str(self._pen)
            self._pen.put_down(guest)
            self._told.clear()
            self._link.restore(self._before)
            self._say(f"{name} is done")

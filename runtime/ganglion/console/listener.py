# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets on which clients of RFC 2217 reach a port."""

import contextlib
import errno
import ipaddress
import socket

from ganglion.console.rfc2217 import Data, Request, Server
from ganglion.errors import InvalidError, RefusedError, RemoteProtocolError
from ganglion.linux.holders import client_of

#: Clients at a time, of which one writes.
MOST = 16
_READ = 1024
#: Bytes that wait for a client that does not read, before it is let go.
_WAITING = 1 << 20


class Listener:
    """Takes clients.

    Args:
        address: `HOST:PORT`, or `PORT` alone for 127.0.0.1; port 0 for any that is free.
        unprotected: Whether the host may be one that other machines reach: nothing is encrypted, nobody is asked who
            they are.

    Raises:
        InvalidError: it is no address, or not to be had.
        RefusedError: other machines reach it, and may not; or another program has it.
    """

    def __init__(self, address: str, *, unprotected: bool = False) -> None:
        host, _, number = address.rpartition(":")
        host = host.strip("[]") or "127.0.0.1"
        if not number.isascii() or not number.isdecimal() or int(number) > 65535:
            raise InvalidError("is no address: HOST:PORT, or a PORT of 127.0.0.1", where=f"--listen {address}")
        try:
            family, _, _, _, where = socket.getaddrinfo(host, int(number), type=socket.SOCK_STREAM)[0]
        except (OSError, UnicodeError):
            raise InvalidError(f"there is no host {host}", where=f"--listen {address}") from None
        if not unprotected and not ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback:
            raise RefusedError(
                f"--listen {address} is for every machine that reaches it, without a password and unencrypted: "
                "a tunnel (ssh -L) to 127.0.0.1 is safe, and --unprotected has it done all the same"
            )
        try:
            self._socket = socket.create_server(where[:2], family=family)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise RefusedError(f"--listen {address}: another program listens there: give another port") from None
            raise InvalidError(f"cannot be listened on: {error.strerror}", where=f"--listen {address}") from None
        self._socket.setblocking(False)
        self._clients = 0

    @property
    def url(self) -> str:
        """What clients open."""
        host, port = self._socket.getsockname()[:2]
        return f"rfc2217://[{host}]:{port}" if ":" in host else f"rfc2217://{host}:{port}"

    def fileno(self) -> int:
        """What is waited for."""
        return self._socket.fileno()

    def accept(self, present: int) -> "Client | None":
        """A client that has come; None where none has, or there are too many.

        Args:
            present: How many there are.
        """
        try:
            near, peer = self._socket.accept()
        except OSError:
            return None
        if present >= MOST:
            near.close()
            return None
        holder = client_of(peer[1]) if ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback else None
        name = f"{peer[0]}:{peer[1]}"
        return Client(near, name if holder is None else f"{holder} at {name}")

    def close(self) -> None:
        """Takes no more clients."""
        self._socket.close()


class Client:
    """One client. Its bytes wait here, and not in the kernel, while it does not read."""

    def __init__(self, near: socket.socket, name: str) -> None:
        near.setblocking(False)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = near
        self._name = name
        self._server = Server()
        self._waiting = bytearray(self._server.data_to_send())

    def __str__(self) -> str:
        return self._name

    def fileno(self) -> int:
        """What is waited for."""
        return self._socket.fileno()

    def read(self) -> list[Data | Request] | None:
        """What it says; None once it is gone, or says what the protocol does not have."""
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        try:
            events = self._server.receive(data)
        except RemoteProtocolError:
            return None
        self._queue()
        return events

    def send(self, data: bytes) -> None:
        """Data of the port."""
        self._server.send(data)
        self._queue()

    def answer(self, request: Request, value: int) -> None:
        """Tells it what is so now."""
        self._server.answer(request, value)
        self._queue()

    @property
    def has_waiting(self) -> bool:
        """Whether something waits for it to read."""
        return bool(self._waiting)

    @property
    def is_stuck(self) -> bool:
        """Whether more waits than is kept."""
        return len(self._waiting) + self._server.held > _WAITING

    def flush(self) -> None:
        """Goes on with what waits."""
        with contextlib.suppress(OSError):  # a client that is gone is told by `read`
            while self._waiting:
                del self._waiting[: self._socket.send(self._waiting)]

    def close(self) -> None:
        """Lets go of it."""
        self._socket.close()

    def _queue(self) -> None:
        self._waiting += self._server.data_to_send()
        self.flush()

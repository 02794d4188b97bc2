# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a leaf to its parent: datagrams over UDP."""

import socket

from ganglion_agent.wifi import LOOK_UP_MS, Place

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Bytes of the largest datagram that is read; a leaf's messages have 1024.
_MOST = 1500


class Udp:
    """Datagrams to and from a parent. What cannot be sent now is lost, as on the way it may be.

    Args:
        log: Is told of what does not work, once.
        server: As `wifi.name_server`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        log: "Callable[[str, str], None]",
        server: "Callable[[], str | None] | None" = None,
    ) -> None:
        self._place = Place("parent.host", host, log, server)
        self._port = port
        self._socket: "Any" = None
        self._address: "Any" = None
        self._again = 0

    def open(self, now_ms: int) -> bool:
        """Looks the parent up and opens a socket, where there is none; whether there is one."""
        if self._socket is not None:
            return True
        if now_ms < self._again:
            return False
        try:
            host = self._place.found(now_ms)
            if not host:
                return False
            self._again = now_ms + LOOK_UP_MS
            found = socket.getaddrinfo(host, self._port)[0]
            made = socket.socket(found[0], socket.SOCK_DGRAM)
            made.setblocking(False)
        except OSError as error:
            self._again = now_ms + LOOK_UP_MS
            self._place.lost(error)
            return False
        self._place.reached()
        self._socket, self._address = made, found[-1]
        return True

    def send(self, data: bytes) -> None:
        """Sends a datagram, if there is a way."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(data, self._address)
        except OSError:
            self.close()  # the interface has gone, with its addresses

    def receive(self) -> "bytes | None":
        """A datagram that has come; None where none has."""
        if self._socket is None:
            return None
        try:
            data = self._socket.recv(_MOST)
        except OSError:
            return None
        return data if data else None

    def close(self) -> None:
        """Lets go of the socket; the next `open` makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

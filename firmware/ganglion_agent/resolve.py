# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a name, asked of a name server without waiting (RFC 1035): a port's own call blocks the whole board.

It can block for longer than the hardware's watchdog lets it, 8 s on an RP2040, and meanwhile no limit of an actuator is
kept. Names that end with `.local` are asked of everybody on the link (RFC 6762 section 6.7).
"""

import os
import socket

#: Milliseconds between two questions.
AGAIN_MS = 2000
#: UDP port of name servers.
PORT = 53

_LINK, _LINK_PORT = "224.0.0.251", 5353


def question(name: str, identity: bytes) -> bytes:
    """The datagram that asks for the IPv4 address of a name.

    Args:
        identity: Two bytes, which the answer repeats.
    """
    asked = b"".join([bytes([len(level)]) + level.encode() for level in name.rstrip(".").split(".")])
    return identity + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + asked + b"\x00\x00\x01\x00\x01"


def answer(data: bytes, identity: bytes) -> str:
    """The first IPv4 address in a datagram; empty where it is no answer, or has none."""
    if data[:2] != identity or len(data) < 12 or not data[2] & 0x80 or data[3] & 0x0F:
        return ""
    try:
        at = 12
        for _ in range(data[4] << 8 | data[5]):
            at = _after_name(data, at) + 4
        for _ in range(data[6] << 8 | data[7]):
            at = _after_name(data, at)
            size = data[at + 8] << 8 | data[at + 9]
            at += 10 + size
            if data[at - size - 10] == 0 and data[at - size - 9] == 1 and size == 4 and at <= len(data):
                return ".".join([str(byte) for byte in data[at - 4 : at]])
    except IndexError:
        pass  # it is shorter than it says
    return ""


def _after_name(data: bytes, at: int) -> int:
    while data[at]:
        if data[at] >= 0xC0:
            return at + 2  # the rest of it stands elsewhere
        at += 1 + data[at]
    return at + 1


class Question:
    """A name that is asked for until there is an answer.

    Args:
        server: The address of a name server.

    Raises:
        OSError: there is no network.
    """

    def __init__(self, name: str, server: str) -> None:
        port = PORT
        if name.endswith(".local"):
            server, port = _LINK, _LINK_PORT
        self._identity = os.urandom(2)
        self._question = question(name, self._identity)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._server = socket.getaddrinfo(server, port)[0][-1]  # of an address, which nobody is asked for
        self._again = 0

    def address(self, now_ms: int) -> str:
        """The address, once it is there."""
        if now_ms >= self._again:
            self._again = now_ms + AGAIN_MS
            try:
                self._socket.sendto(self._question, self._server)
            except OSError:
                pass  # the network has gone; it may be back
        try:
            found = answer(self._socket.recv(512), self._identity)
        except OSError:
            return ""
        return found

    def close(self) -> None:
        """Asks no more."""
        self._socket.close()

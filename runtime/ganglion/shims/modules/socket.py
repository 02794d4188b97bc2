# SPDX-License-Identifier: GPL-3.0-or-later
"""`socket`: CPython's sockets, which are streams too: `read`, `readinto`, `readline`, `write`."""

import socket as _socket
from typing import Any

from ganglion.shims.buffers import part as _part
from ganglion.shims.buffers import readable as _readable
from ganglion.shims.buffers import writable as _writable
from ganglion.shims.streams import timed as _timed
from ganglion.shims.streams import written as _written


def __getattr__(name: str) -> Any:
    return getattr(_socket, name)


class socket(_socket.socket):
    """A socket that is a stream. Text is sent as UTF-8."""

    @_timed
    def connect(self, address: Any) -> None:
        super().connect(address)

    @_timed
    def accept(self) -> tuple["socket", Any]:
        number, address = self._accept()  # type: ignore[attr-defined] # of the C class
        return type(self)(self.family, self.type, self.proto, fileno=number), address

    @_timed
    def recv(self, size: int, flags: int = 0) -> bytes:
        return super().recv(size, flags)

    @_timed
    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        return super().recvfrom(size, flags)

    @_timed
    def send(self, data: Any, flags: int = 0) -> int:
        return super().send(_readable(data), flags)

    @_timed
    def sendall(self, data: Any, flags: int = 0) -> None:
        super().sendall(_readable(data), flags)

    @_timed
    def sendto(self, data: Any, address: Any) -> int:  # type: ignore[override] # there it has no flags
        return super().sendto(_readable(data), address)

    def read(self, count: int = -1) -> bytes | None:
        """So many bytes, or all up to the end; None where it does not block and there are none."""
        out = bytearray()
        while count < 0 or len(out) < count:
            try:
                data = self.recv(4096 if count < 0 else count - len(out))
            except BlockingIOError:
                return bytes(out) if out else None
            if not data:
                break
            out += data
        return bytes(out)

    def readinto(self, buffer: Any, count: int = -1) -> int | None:
        view = _writable(buffer)
        data = self.read(len(view) if count < 0 else min(count, len(view)))
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    def readline(self) -> bytes | None:
        out = bytearray()
        while not out.endswith(b"\n"):
            try:
                data = self.recv(1)
            except BlockingIOError:
                return bytes(out) if out else None
            if not data:
                break
            out += data
        return bytes(out)

    @_timed
    def write(self, data: Any, *where: int) -> int | None:
        """All of it where it blocks; as much as there is room for otherwise, None for nothing.

        Args:
            where: (length) or (offset, length) of data.

        Raises:
            OSError: ETIMEDOUT, and some of it may be on its way.
        """
        return _written(super().send, _part(_readable(data), where), BlockingIOError)

    def makefile(self, *arguments: Any, **options: Any) -> Any:
        """Itself."""
        return self


def getaddrinfo(host: str, port: int, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
    """What `connect` and `bind` take is the last of each entry. Without a family it is IPv4."""
    found = _socket.getaddrinfo(host, port, family or _socket.AF_INET, type or _socket.SOCK_STREAM, proto, flags)
    return [(int(each[0]), int(each[1]), *each[2:]) for each in found]

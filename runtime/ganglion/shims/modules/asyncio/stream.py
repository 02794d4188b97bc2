# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams for tasks, over sockets, serial lines and whatever else can be polled."""

import asyncio
import errno
import ssl as ssl_module
from collections.abc import Callable
from typing import Any

from ganglion.shims.buffers import readable
from ganglion.shims.modules import select, socket
from ganglion.shims.modules.asyncio.core import Task, create_task, get_event_loop
from ganglion.shims.oserror import oserror

#: Seconds between two looks at a stream that Linux cannot wait for.
_LOOK = 0.001


async def _until(stream: Any, events: int) -> None:
    """Returns when a stream can be read or written."""
    loop = get_event_loop()
    if not select.is_file(stream):
        while not select.ready(stream, events):  # noqa: ASYNC110 - nobody tells when it is
            await asyncio.sleep(_LOOK)
        return
    future = loop.create_future()
    number = stream.fileno()
    add, remove = (
        (loop.add_reader, loop.remove_reader) if events == select.POLLIN else (loop.add_writer, loop.remove_writer)
    )
    add(number, lambda: None if future.done() else future.set_result(None))
    try:
        await future
    finally:
        remove(number)


class Stream:
    """Reads and writes a stream that does not block."""

    def __init__(self, s: Any, e: dict[str, Any] | None = None) -> None:
        self.s = s
        self.e = e or {}
        self.out_buf = b""

    def get_extra_info(self, name: str) -> Any:
        return self.e[name]

    async def __aenter__(self) -> "Stream":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.wait_closed()

    def close(self) -> None:
        """Nothing yet: `wait_closed` closes."""

    async def wait_closed(self) -> None:
        self.s.close()

    async def aclose(self) -> None:
        await self.wait_closed()

    async def read(self, n: int = -1) -> bytes:
        """Up to n bytes as they come; all up to the end for -1."""
        out = bytearray()
        while True:
            await self._readable()
            data = self.s.read(n)
            if data is None:
                continue
            out += data
            if n >= 0 or not data:
                return bytes(out)

    async def readinto(self, buf: Any) -> int:
        """How many bytes came, 0 at the end."""
        while True:
            await self._readable()
            if (count := self.s.readinto(buf)) is not None:
                return int(count)

    async def readexactly(self, n: int) -> bytes:
        """n bytes.

        Raises:
            EOFError: it ended before.
        """
        out = bytearray()
        while len(out) < n:
            await self._readable()
            data = self.s.read(n - len(out))
            if data is None:
                continue
            if not data:
                raise EOFError
            out += data
        return bytes(out)

    async def readline(self) -> bytes:
        """Bytes up to a line's end, or to the stream's."""
        out = bytearray()
        while not out.endswith(b"\n"):
            await self._readable()
            data = self.s.readline()
            if data is None:
                continue
            out += data
            if not data:
                break
        return bytes(out)

    def write(self, buf: Any) -> None:
        """Sends what goes at once and keeps the rest for `drain`."""
        sent = None if self.out_buf else self.s.write(buf)
        self.out_buf += readable(buf)[sent or 0 :]

    async def drain(self) -> None:
        """Returns when all was sent."""
        if not self.out_buf:
            await asyncio.sleep(0)
        while self.out_buf:
            await _until(self.s, select.POLLOUT)
            sent = self.s.write(self.out_buf)
            self.out_buf = self.out_buf[sent or 0 :]

    async def awrite(self, buf: Any, off: int = 0, sz: int = -1) -> None:
        """Sends a buffer, or sz bytes of it."""
        data = readable(buf)
        self.write(data[off : len(data) if sz < 0 else off + sz])
        await self.drain()

    async def _readable(self) -> None:
        if isinstance(self.s, ssl_module.SSLSocket) and self.s.pending():
            return
        await _until(self.s, select.POLLIN)


StreamReader = StreamWriter = Stream


async def open_connection(
    host: str, port: int, ssl: Any = None, server_hostname: str | None = None
) -> tuple[Stream, Stream]:
    """A stream to a server, twice: to read and to write.

    Raises:
        OSError: it cannot be reached.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port)[0]
    connection: Any = socket.socket(family, kind, protocol)
    connection.setblocking(False)
    try:
        try:
            connection.connect(address)
        except BlockingIOError:
            await _until(connection, select.POLLOUT)
        if wrong := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise oserror(wrong)
        if ssl:
            connection = await _secured(connection, ssl, server_hostname or host, server_side=False)
    except BaseException:
        connection.close()
        raise
    stream = Stream(connection, {"peername": address})
    return stream, stream


async def _secured(connection: Any, ssl: Any, name: str | None, *, server_side: bool) -> Any:
    if ssl is True:
        from ganglion.shims.modules.ssl import SSLContext

        ssl = SSLContext(ssl_module.PROTOCOL_TLS_CLIENT)
        ssl.check_hostname = False
        ssl.verify_mode = ssl_module.CERT_NONE
    wrapped = ssl.wrap_socket(connection, server_side=server_side, server_hostname=name, do_handshake_on_connect=False)
    while True:
        try:
            wrapped.do_handshake()
        except ssl_module.SSLWantReadError:
            await _until(wrapped, select.POLLIN)
        except ssl_module.SSLWantWriteError:
            await _until(wrapped, select.POLLOUT)
        else:
            return wrapped


class Server:
    """Accepts connections until it is closed."""

    def __init__(self) -> None:
        self.task: Task | None = None

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *error: object) -> None:
        self.close()
        await self.wait_closed()

    def close(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def wait_closed(self) -> None:
        if self.task is not None:
            await asyncio.wait([self.task])

    async def serve(self, listening: Any, serve: Callable[[Stream, Stream], Any], ssl: Any) -> None:
        """Starts `serve` as a task for each connection."""
        try:
            while True:
                await _until(listening, select.POLLIN)
                try:
                    connection, address = listening.accept()
                except OSError as error:
                    if error.errno in (errno.EAGAIN, errno.ECONNABORTED):
                        continue
                    raise
                connection.setblocking(False)
                if ssl:
                    try:
                        connection = await _secured(connection, ssl, None, server_side=True)
                    except OSError:
                        connection.close()
                        continue
                stream = Stream(connection, {"peername": address})
                create_task(serve(stream, stream))
        finally:
            listening.close()


async def start_server(
    cb: Callable[[Stream, Stream], Any], host: str, port: int, backlog: int = 5, ssl: Any = None
) -> Server:
    """A server that calls `cb(reader, writer)` for each connection.

    Raises:
        OSError: the address cannot be had.
    """
    listening = socket.socket()
    listening.setblocking(False)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(socket.getaddrinfo(host, port)[0][-1])
    listening.listen(backlog)
    server = Server()
    server.task = create_task(server.serve(listening, cb, ssl))
    return server

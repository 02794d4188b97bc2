# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on a free loopback port that answers as a test says, byte by byte where it must be wrong."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: method, target, headers with names in small letters, and body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class RudeServer:
    """The server.

    Attributes:
        behaviours: What the next requests meet, in turn; the last one for ever.
        asked: The requests that came whole.
        stop: Set when the test is over, for behaviours that wait.
    """

    behaviours: deque[Behaviour] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    _serving: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    def does(self, *behaviours: Behaviour) -> None:
        """These, one after the other."""
        self.behaviours = deque(behaviours)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # a server makes one for each connection
        self._serving[task] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        del self._serving[task]

    async def hang_up(self) -> None:
        """Ends what is still under way."""
        self.stop.set()
        for writer in self._serving.values():
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines if each)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = line.split(" ")
        asked = Asked(method, target, headers, body)
        self.asked.append(asked)
        behaviour = self.behaviours.popleft() if len(self.behaviours) > 1 else self.behaviours[0]
        await behaviour(asked, writer)
        await writer.drain()


@asynccontextmanager
async def rude_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[RudeServer]:
    """A server that listens until the block ends."""
    rude = RudeServer()
    server = await asyncio.start_server(rude.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    rude.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield rude
    finally:
        server.close()
        await rude.hang_up()
        await server.wait_closed()


def head(status: int, length: int, headers: dict[str, str] | None = None) -> bytes:
    """The head of an answer that says it is so long."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def says(body: bytes | str | Any, status: int = 200, **headers: str) -> Behaviour:
    """A whole answer: bytes, text, or what becomes JSON. Names of headers have `_` for `-`."""
    if not isinstance(body, bytes | str):
        headers.setdefault("Content_Type", "application/json")
        body = json.dumps(body)
    data = body if isinstance(body, bytes) else body.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return raw(head(status, len(data), named) + data)


def raw(data: bytes) -> Behaviour:
    """These bytes, and the end of the connection."""

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return behave


def echoes(status: int = 200) -> Behaviour:
    """Says back all that it was asked, as a debugging server does."""

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        told = {"target": asked.target, "headers": asked.headers, "body": asked.body.decode()}
        await says(told, status)(asked, writer)

    return behave


def resets() -> Behaviour:
    """Ends the connection without a word."""

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    return behave


def waits(rude: RudeServer, before: bytes = b"") -> Behaviour:
    """Says this much and then nothing, until the test is over."""

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        await writer.drain()
        await rude.stop.wait()

    return behave


def drips(rude: RudeServer) -> Behaviour:
    """A byte now and then, so that no single read is slow."""

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, 1000))
        while not rude.stop.is_set():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    return behave


def gives_tokens(life: float | None, *, pause: float = 0.0) -> Behaviour:
    """A token service (RFC 6749, 4.4): a new token each time, to whoever says who he is as the RFC wants it."""
    count = 0

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        await asyncio.sleep(pause)
        form = parse_qs(asked.body.decode())
        if form.get("grant_type") != ["client_credentials"] or not asked.headers.get("authorization"):
            await says({"error": "invalid_request"}, 400)(asked, writer)
            return
        count += 1
        given = {"access_token": f"token-{count}-0123456789", "token_type": "Bearer"}
        await says(given | ({} if life is None else {"expires_in": life}))(asked, writer)

    return behave

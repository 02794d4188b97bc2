# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections of strangers to a real server, before there is a request that anybody could be asked about."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from ganglion_gateway import reception
from ganglion_gateway.access.guard import MAX_BODY
from ganglion_gateway.server import configuration
from ganglion_gateway.settings import Settings

_LONG = b"a" * 8000
_ASK = b"POST / HTTP/1.1\r\nhost: x\r\n"


async def _application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        said = str(size).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
        await send({"type": "http.response.body", "body": said})


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    config = configuration(_application, Settings(state=Path(), broker="mqtt://none"))
    config.port, config.lifespan = 0, "off"
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


async def told(port: int, *parts: bytes) -> tuple[bytes, int]:
    """What comes back until the connection ends, and how many of the parts were taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    try:
        async with asyncio.timeout(60):
            for part in parts:
                writer.write(part)
                await writer.drain()
                count += 1
                await asyncio.sleep(0)
            return await reader.read(), count
    except ConnectionError:
        return b"", count
    finally:
        writer.close()


@pytest.mark.parametrize("before", [b"", _ASK + b"content-length: 2\r\n\r\nok"], ids=["first", "kept"])
async def test_a_head_that_does_not_end_is_given_up(before: bytes) -> None:
    async with served() as port:
        _, count = await told(port, before + b"GET / HTTP/1.1\r\nhost: x\r\n", *[b"x: " + _LONG + b"\r\n"] * 2000)
    assert count < 2000, "16 MB of one stranger's"


async def test_headers_behind_a_body_that_do_not_end_are_given_up() -> None:
    async with served() as port:
        start = _ASK + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
        _, count = await told(port, start, *[b"x: " + _LONG + b"\r\n"] * 2000)
    assert count < 2000


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n", _ASK + b"content-length: 2\r\n\r\nokGET"])
async def test_who_brings_no_request_is_not_waited_for(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "PATIENCE", 0.3)
    async with served() as port:
        answer, _ = await told(port, said)
    assert answer.count(b"HTTP/1.1 200") == said.count(b"ok")


async def test_the_largest_body_passes_in_one_piece_or_many_and_one_behind_the_other() -> None:
    head = _ASK + b"content-length: %d\r\n\r\n" % MAX_BODY
    last = _ASK + b"connection: close\r\ncontent-length: %d\r\n\r\n" % MAX_BODY
    async with served() as port:
        answer, _ = await told(port, head, bytes(MAX_BODY), head, *[bytes(1024)] * 1024, last, bytes(MAX_BODY))
    assert answer.count(b"HTTP/1.1 200") == 3
    assert answer.count(b"\r\n\r\n%d" % MAX_BODY) == 3

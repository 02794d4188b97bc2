# SPDX-License-Identifier: GPL-3.0-or-later
"""A webhook receiver: an HTTP server that believes nothing the field's own library does not verify."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError


class Answer(NamedTuple):
    """What the receiver says to one attempt: status, headers; `hang` for nothing at all, with status 0."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    hang: bool = False


class Attempt(NamedTuple):
    """One verified attempt."""

    message: str
    event: dict[str, Any]
    headers: dict[str, str]
    status: int
    body: bytes


class Receiver:
    """Listens on loopback, and answers 204 where `answers` holds nothing else to say next.

    Attributes:
        attempts: Verified ones, in the order they came.
        forged: Requests whose signature does not hold.
        answers: What to say to the next attempts.
    """

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._webhook = Webhook(secret)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.attempts: list[Attempt] = []
        self.forged = 0
        self.answers: deque[Answer] = deque()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def taken(self) -> list[str]:
        """Ids of the events that it took, in order, copies too."""
        return [attempt.event["id"] for attempt in self.attempts if 200 <= attempt.status < 300]

    async def start(self) -> None:
        """Listens, from the second time on at the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends with all its connections."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await self._answer(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        body = await reader.readexactly(int(headers["content-length"]))
        try:
            self._webhook.verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
            answer = Answer(status=401)
        else:
            answer = self.answers.popleft() if self.answers else Answer()
            self.attempts.append(Attempt(headers["webhook-id"], json.loads(body), headers, answer.status, body))
        if answer.hang:
            await reader.read()  # until the other side gives up
            raise ConnectionError
        extra = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        length = "" if answer.status == 204 else "Content-Length: 0\r\n"
        writer.write(f"HTTP/1.1 {answer.status} Answer\r\n{extra}{length}\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def receiver(secret: str) -> AsyncIterator[Receiver]:
    """A receiver that listens until the block ends."""
    listening = Receiver(secret)
    await listening.start()
    try:
        yield listening
    finally:
        await listening.stop()

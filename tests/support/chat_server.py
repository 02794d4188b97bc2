# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of the chat-completions API on a free loopback port: streams, takes JSON schemas, misbehaves when told to.

It is no model: it answers what a test gives it, over the protocol that models are asked by.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

KEY = "sk-test-0123456789abcdef"
MODEL = "parrot-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """How the next request is answered.

    Attributes:
        text: What the model says.
        calls: Tools that it calls instead: `(id, name, arguments as JSON)`.
        status: HTTP status; other than 200 the text is the error's message.
        retry_after: Header of a refusal, in seconds.
        streams: Answer with server-sent events, where the request asks for it.
        piece: Letters of one chunk.
        pause: Seconds between chunks.
        stop_after: Chunks after which the connection is cut; None for all of it.
        finish: The `finish_reason`.
        usage: Whether tokens are counted.
        body: The whole answer as it is, in place of all this.
    """

    text: str = ""
    calls: tuple[tuple[str, str, str], ...] = ()
    status: int = 200
    retry_after: int | None = None
    streams: bool = True
    piece: int = 5
    pause: float = 0.0
    stop_after: int | None = None
    finish: str = "stop"
    usage: bool = True
    body: bytes | None = None


@dataclass(slots=True)
class ChatServer:
    """The server.

    Attributes:
        answers: What is said next; the last one is said for ever.
        requests: Bodies of the requests that came with the right key.
        strangers: Requests that came without.
    """

    answers: deque[Say] = field(default_factory=lambda: deque([Say(text="hello")]))
    requests: list[dict[str, Any]] = field(default_factory=list)
    strangers: int = 0
    port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """What a gateway is told to find it."""
        return {"GANGLION_LLM_URL": self.url, "GANGLION_LLM_KEY": KEY, "GANGLION_LLM_MODEL": MODEL}

    def says(self, *answers: Say) -> None:
        """These, one after the other."""
        self.answers = deque(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def hang_up(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; whether the connection is kept."""
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        request = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))) or b"{}")
        if not line.startswith("POST /v1/chat/completions "):
            return await _send(writer, 404, {"error": {"message": f"no route {line}"}})
        if headers.get("authorization") != f"Bearer {KEY}":
            self.strangers += 1
            return await _send(writer, 401, {"error": {"message": "Incorrect API key provided"}})
        self.requests.append(request)
        say = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if say.body is not None:
            writer.write(say.body)
            await writer.drain()
            return False
        if say.status != 200:
            extra = {} if say.retry_after is None else {"Retry-After": str(say.retry_after)}
            return await _send(writer, say.status, {"error": {"message": say.text}}, extra)
        usage = {"prompt_tokens": 21, "completion_tokens": len(say.text), "total_tokens": 21 + len(say.text)}
        if not (say.streams and request.get("stream")):
            await asyncio.sleep(say.pause)
            message: dict[str, Any] = {"role": "assistant", "content": say.text}
            if say.calls:
                message = {"role": "assistant", "content": None, "tool_calls": [_call(*call) for call in say.calls]}
            choice = {"index": 0, "message": message, "finish_reason": say.finish}
            document = {"object": "chat.completion", "model": MODEL, "choices": [choice]}
            return await _send(writer, 200, {**document, **({"usage": usage} if say.usage else {})})
        return await self._stream(writer, say, usage if say.usage else None)

    async def _stream(self, writer: asyncio.StreamWriter, say: Say, usage: dict[str, int] | None) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        pieces: list[dict[str, Any]] = [{"content": piece} for piece in _cut(say.text, say.piece)]
        for number, (id, name, arguments) in enumerate(say.calls):
            pieces.append({"tool_calls": [{"index": number, **_call(id, name, "")}]})
            parts = _cut(arguments, say.piece)
            pieces += [{"tool_calls": [{"index": number, "function": {"arguments": part}}]} for part in parts]
        for index, piece in enumerate(pieces):
            if index == say.stop_after:
                await writer.drain()
                writer.transport.abort()
                return False
            _event(writer, {"choices": [{"index": 0, "delta": piece, "finish_reason": None}]})
            await writer.drain()
            await asyncio.sleep(say.pause)
        _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": say.finish}]})
        if usage is not None:
            _event(writer, {"choices": [], "usage": usage})
        _chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _cut(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


def _call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _event(writer: asyncio.StreamWriter, fields: dict[str, Any]) -> None:
    document = {"id": "c1", "object": "chat.completion.chunk", "model": MODEL, **fields}
    _chunk(writer, b"data: " + json.dumps(document).encode() + b"\n\n")


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


async def _send(
    writer: asyncio.StreamWriter, status: int, document: dict[str, Any], headers: dict[str, str] | None = None
) -> bool:
    body = json.dumps(document).encode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return True


@asynccontextmanager
async def chat_server() -> AsyncIterator[ChatServer]:
    """A server that listens until the block ends."""
    chat = ChatServer()
    server = await asyncio.start_server(chat.serve, "127.0.0.1", 0)
    chat.port = server.sockets[0].getsockname()[1]
    try:
        yield chat
    finally:
        server.close()
        chat.hang_up()
        await server.wait_closed()

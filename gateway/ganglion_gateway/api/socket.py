# SPDX-License-Identifier: GPL-3.0-or-later
"""/ws: channels over a WebSocket, in frames of JSON, or of CBOR where the client asks for that subprotocol.

The client subscribes to filters and is told what happens. After a break it shows the token of the last that it was
told, and goes on behind it; what was said meanwhile is told first, or that some of it is missed.
"""

import asyncio
import json
import time
from typing import Any

import cbor2
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from ganglion.errors import InvalidError
from ganglion.node.payload import check
from ganglion_gateway.access.limiter import Rate
from ganglion_gateway.live import Live
from ganglion_gateway.services import Services
from ganglion_gateway.stream.ring import Message
from ganglion_gateway.stream.session import Session

JSON, CBOR = "ganglion.json", "ganglion.cbor"
#: Bytes of what a client says, and how often it may say something.
MAX_SAID = 16 * 1024
_EACH_SECOND, _BURST = 10.0, 50
#: Seconds in which news is gathered; of silence after which a client is told its place; that one frame may take.
_GATHER, _SILENCE, _PATIENCE = 0.05, 15.0, 30.0
#: RFC 6455 section 7.4.1, and 4401 as is usual.
_POLICY, _TOO_BIG, _TRY_LATER, _UNAUTHORISED = 1008, 1009, 1013, 4401


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter()
    bell = _Bell(services.live)

    @router.websocket("/ws")
    async def follow(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        chosen = next((each for each in offered if each in (JSON, CBOR)), None)
        await socket.accept(subprotocol=chosen)
        await _Connection(services, socket, bell, binary=chosen == CBOR).run()

    return router


class _EndError(Exception):
    """The connection is to be closed.

    Attributes:
        code: Of RFC 6455.
        reason: For people.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Bell:
    """Wakes all clients at once when there is news: one wait and one timer, where each of a thousand had its own."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._ringing: asyncio.Task[None] | None = None

    async def rung(self) -> None:
        """Returns a moment after there is something new, so that more can come with it; or after a silence."""
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._wait(self._live.ring.last), name="news for /ws")
        await asyncio.wait([self._ringing])

    async def _wait(self, last: int) -> None:
        if self._live.ring.last == last:  # nothing came while this task had yet to begin
            await self._live.news(_SILENCE)
        await asyncio.sleep(_GATHER)


class _Connection:
    def __init__(self, services: Services, socket: WebSocket, bell: _Bell, *, binary: bool) -> None:
        self._bell = bell
        self._ring = services.live.ring
        self._keyring = services.keyring
        self._socket = socket
        self._binary = binary
        self._key = socket.state.principal.key
        self._sending, self._telling = asyncio.Lock(), asyncio.Lock()
        self._rate = Rate(each_second=_EACH_SECOND, burst=_BURST)

    async def run(self) -> None:
        """Until one of the two has enough."""
        self._ring.follow(time.monotonic())
        session = Session(self._ring, self._may)
        try:
            await self._answer(session.welcome())
            hearing = asyncio.create_task(self._hear(session))
            telling = asyncio.create_task(self._tell(session))
            done, _ = await asyncio.wait({hearing, telling}, return_when=asyncio.FIRST_COMPLETED)
            for task in (hearing, telling):
                task.cancel()
            await asyncio.gather(hearing, telling, return_exceptions=True)
            for task in done:
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error
        except _EndError as end:
            await self._close(end)
        except (WebSocketDisconnect, RuntimeError, TimeoutError):
            pass  # gone, while it was told something
        finally:
            self._ring.leave(time.monotonic())

    def _may(self, scope: str) -> bool:
        holder = self._keyring.holder(self._key)
        return holder is not None and holder.may(scope)

    async def _hear(self, session: Session) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._rate.wait("", time.monotonic()) > 0:
                raise _EndError(_POLICY, f"more than {_EACH_SECOND:g} messages a second")
            try:
                answer = session.take(_read(message.get("text"), message.get("bytes")))
            except InvalidError as error:
                answer = {"type": "error", "detail": str(error)}
            await self._answer(answer)
            if "missed" in answer:
                await self._tell_what_there_is(session)

    async def _tell(self, session: Session) -> None:
        quiet = time.monotonic()
        while True:
            if self._keyring.holder(self._key) is None:
                raise _EndError(_UNAUTHORISED, "the token is not known any more")
            now = time.monotonic()
            if await self._tell_what_there_is(session):
                quiet = now
            elif now - quiet > _SILENCE:
                quiet = now
                await self._answer({"type": "at", "token": session.token})
            if not session.is_behind:
                await self._bell.rung()

    async def _tell_what_there_is(self, session: Session) -> bool:
        """Says whether there was something."""
        some = False
        async with self._telling:
            while True:
                if session.is_lost:
                    raise _EndError(_TRY_LATER, "too slow: what comes next is kept no more; come again with your token")
                for message in session.next():
                    await self._send(message)
                    some = True
                if not session.is_behind:
                    return some

    async def _send(self, message: Message) -> None:
        async with self._sending, asyncio.timeout(_PATIENCE):
            if self._binary:
                await self._socket.send_bytes(message.binary)
            else:
                await self._socket.send_text(message.text)

    async def _answer(self, document: dict[str, Any]) -> None:
        async with self._sending, asyncio.timeout(_PATIENCE):
            if self._binary:
                await self._socket.send_bytes(cbor2.dumps(document))
            else:
                await self._socket.send_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")))

    async def _close(self, end: _EndError) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._socket.close(end.code, end.reason)
        except (RuntimeError, TimeoutError, WebSocketDisconnect):
            pass


def _read(text: str | None, data: bytes | None) -> Any:
    """What a client says: text is JSON, bytes are CBOR. It holds nothing that could not be said back.

    Raises:
        InvalidError: it is neither, or holds what JSON cannot say.
        _EndError: it is too long.
    """
    if max(len(text or ""), len(data or b"")) > MAX_SAID:
        raise _EndError(_TOO_BIG, f"a message has at most {MAX_SAID} bytes")
    try:
        said = json.loads(text or "") if data is None else cbor2.loads(data)
        check(said)
    except Exception as error:  # of cbor2, or of what it makes of a tag: dates, patterns, decimals
        raise InvalidError(f"is neither JSON as text nor CBOR as bytes: {error}", where="the message") from None
    return said

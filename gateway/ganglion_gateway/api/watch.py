# SPDX-License-Identifier: GPL-3.0-or-later
"""/api/v1/watch: the fleet's events as they come, to programs as lines of JSON and to pages over a WebSocket."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from ganglion.bus import Filter
from ganglion.errors import InvalidError
from ganglion_gateway.access.tokens import Principal
from ganglion_gateway.api.query import of_requests, only_known
from ganglion_gateway.live import Watcher
from ganglion_gateway.services import Services

#: Seconds of silence after which an empty line is sent, so that who has gone is noticed.
SILENCE = 10.0
#: RFC 6455 section 7.4.1: data that is against the rules; and 4401, the usual "unauthorised".
_POLICY = 1008
_UNAUTHORISED = 4401

Topic = Annotated[str, Query(max_length=256, description="an MQTT topic filter: node, then the node's own topic")]
Seconds = Annotated[float | None, Query(gt=0, le=86400, description="after which the answer ends; else it goes on")]
Where = Annotated[str | None, Query(max_length=8192, description='a filter, as in {"value": {"$gt": 8}}')]


#: What OpenAPI says of an answer that is lines of JSON.
LINES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}


def turns(seconds: float | None) -> Iterator[float]:
    """How long to wait for what comes next, again and again, until so many seconds are over; None for without end."""
    until = math.inf if seconds is None else time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        yield min(left, SILENCE)


def read_where(text: str | None) -> Filter | None:
    """The filter in a query.

    Raises:
        InvalidError: it is none.
    """
    return None if text is None else Filter.parse(text)


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[Depends(of_requests)])

    @router.get(
        "/watch",
        summary="Events as they come, a JSON document a line",
        response_class=StreamingResponse,
        responses=LINES,
    )
    async def watch(
        request: Request, topic: Topic = "#", where: Where = None, seconds: Seconds = None
    ) -> StreamingResponse:
        matching = read_where(where)
        with services.live.watch(topic, matching):  # who asks for nonsense is told so before the stream begins
            pass

        async def lines() -> AsyncIterator[str]:
            yield "\n"
            with services.live.watch(topic, matching) as watcher:
                for within in turns(seconds):
                    if not _may_look(services, request.state.principal):
                        return
                    yield "".join(_line(each) for each in await watcher.next(within=within)) or "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    @router.websocket("/watch")
    async def watch_socket(socket: WebSocket, topic: Topic = "#", where: Where = None) -> None:
        try:
            only_known(socket)
            with services.live.watch(topic, read_where(where)) as watcher:
                await socket.accept()
                await _send(services, socket, watcher)
        except InvalidError as error:
            await socket.accept()
            await socket.close(_POLICY, str(error)[:120])
        except WebSocketDisconnect:
            pass

    return router


async def _send(services: Services, socket: WebSocket, watcher: Watcher) -> None:
    gone = asyncio.create_task(_gone(socket))
    try:
        while not gone.done():
            if not _may_look(services, socket.state.principal):
                await socket.close(_UNAUTHORISED, "the token is not known any more")
                return
            for document in await watcher.next(within=SILENCE):
                await socket.send_text(_line(document))
    finally:
        gone.cancel()


async def _gone(socket: WebSocket) -> None:
    """Returns when the page has closed the socket; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _may_look(services: Services, principal: Principal) -> bool:
    return services.keyring.holder(principal.key) is not None


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"

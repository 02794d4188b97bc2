# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer that goes on, part by part, to a page of the same process; httpx's own transport waits for its end."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import suppress
from typing import Any

import httpx
from starlette.types import ASGIApp

#: Parts that wait for the page; then the application waits.
_PARTS = 16

Message = MutableMapping[str, Any]


class Answer(httpx.AsyncByteStream):
    """One request into the application, and what it answers.

    Args:
        address: Whose request it is.
    """

    def __init__(self, app: ASGIApp, request: httpx.Request, address: tuple[str, int]) -> None:
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(_PARTS)
        self._gone = asyncio.Event()
        self._asked = self._complete = False
        self._begun: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        url = request.url
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (url.host, url.port),
            "client": address,
            "root_path": "",
        }
        self._task = asyncio.create_task(self._run(app, scope), name="an answer that goes on")

    async def response(self) -> httpx.Response:
        """As soon as it begins. Raises: httpx.RemoteProtocolError: it ends before that."""
        try:
            start = await self._begun
        except BaseException:
            await self.aclose()
            raise
        return httpx.Response(start["status"], headers=start["headers"], stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The parts of the body. Raises: httpx.RemoteProtocolError: it breaks off before its end."""
        while (part := await self._parts.get()) is not None:
            yield part
        if not self._complete:
            raise _broken_off()

    async def aclose(self) -> None:
        """Who has asked has gone."""
        self._gone.set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        try:
            with suppress(Exception):  # the application has logged it
                await app(scope, self._receive, self._send)
        finally:
            if not self._begun.done():
                self._begun.set_exception(_broken_off())
            elif not self._gone.is_set():
                await self._parts.put(None)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun.set_result(message)
            return
        if body := message.get("body", b""):
            await self._parts.put(body)
        self._complete = not message.get("more_body", False)


def _broken_off() -> httpx.RemoteProtocolError:
    return httpx.RemoteProtocolError("it failed; its log says why")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that take their time: ended when the client hangs up, and told of as lines where the client wants that.

With `Accept: application/x-ndjson` the answer is lines: `{"progress": …}` as it goes on, then the document or
`{"problem": …}` (RFC 9457); empty lines in between say that it goes on.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from ganglion.errors import GanglionError
from ganglion.mesh.progress import Progress, Tell
from ganglion_gateway import languages
from ganglion_gateway.problems import of_error

_NDJSON = "application/x-ndjson"
#: Seconds of silence after which an empty line is sent.
_SILENCE = 10.0
#: What is logged of a request whose client has gone; nobody reads it.
_GONE = 499

Document = dict[str, Any]
Work = Coroutine[Any, Any, Document]


class Answering:
    """What the routes of one router have under way."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    def _begin(self, request: Request, work: Work) -> "asyncio.Task[Document]":
        """Has it done, and cancelled when the client has gone."""
        task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
        task.add_done_callback(lambda _: gone.cancel())
        gone.add_done_callback(lambda _: task.cancel())
        for each in (task, gone):
            self._under_way.add(each)
            each.add_done_callback(self._under_way.discard)
        return task

    async def whole(self, request: Request, work: Work) -> Response:
        """The document, when it is there."""
        task = self._begin(request, work)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        if task.cancelled():
            return Response(status_code=_GONE)
        return Response(_line(task.result()), media_type="application/json")

    async def told(self, request: Request, work: Callable[[Tell | None], Work]) -> Response:
        """The document, or lines on the way to it, as the request wants it.

        Args:
            work: Gets what to tell of how far it is; None where nobody listens.
        """
        if _NDJSON not in request.headers.get("accept", ""):
            return await self.whole(request, work(None))
        newest: list[Progress] = []
        news = asyncio.Event()

        def tell(progress: Progress) -> None:
            newest[:] = [progress]  # one slow reader does not make many of them wait
            news.set()

        task = self._begin(request, work(tell))
        task.add_done_callback(lambda _: news.set())
        language = languages.accepted(request.headers.get("accept-language", ""))
        lines = _lines(task, newest, news, request.url.path, language)
        return StreamingResponse(lines, media_type=_NDJSON, headers={"cache-control": "no-store"})


async def _lines(
    task: "asyncio.Task[Document]",
    newest: list[Progress],
    news: asyncio.Event,
    path: str,
    language: str,
) -> AsyncIterator[str]:
    try:
        yield "\n"
        while not task.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(_SILENCE):
                    await news.wait()
            news.clear()
            if newest:
                yield _line({"progress": languages.told(newest.pop().document(), language)})
            elif not task.done():
                yield "\n"
        if task.cancelled():
            return
        try:
            yield _line(task.result())
        except GanglionError as error:
            yield _line({"problem": languages.told(of_error(error, instance=path), language)})
    finally:
        task.cancel()


async def _gone(request: Request) -> None:
    """Returns when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _line(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"

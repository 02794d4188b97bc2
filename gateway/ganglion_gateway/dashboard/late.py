# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard, loaded when somebody first opens a page of it.

NiceGUI and what it brings are a third of what a gateway takes to start, and a quarter of its memory. Where nobody
looks, as where only programs ask the API, neither is spent.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from ganglion_gateway.services import Services


@asynccontextmanager
async def mounted(app: FastAPI, services: Services, guarded: ASGIApp) -> AsyncIterator[None]:
    """An application has the dashboard until the block ends. It takes each path that is no other's till now.

    Args:
        guarded: See `page.mount`.
    """
    late = _Late(services, guarded)
    app.mount("/", late)
    try:
        yield
    finally:
        await late.aclose()


class _Late:
    """The ASGI application of all pages."""

    def __init__(self, services: Services, guarded: ASGIApp) -> None:
        self._services = services
        self._guarded = guarded
        self._pages: asyncio.Task[FastAPI] | None = None
        self._running = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._pages is None or _failed(self._pages):
            self._pages = asyncio.create_task(self._open(), name="dashboard")
        pages = await asyncio.shield(self._pages)  # who does not wait for it takes it from nobody else
        await pages(scope, receive, send)

    async def aclose(self) -> None:
        if self._pages is not None:
            await asyncio.wait({self._pages})  # a thread that imports cannot be broken off
            await self._running.aclose()

    async def _open(self) -> FastAPI:
        # Beside the loop: on a small machine it takes seconds
        page = await asyncio.to_thread(import_module, "ganglion_gateway.dashboard.page")
        app = FastAPI(openapi_url=None)
        page.mount(app, self._services, self._guarded)
        await self._running.enter_async_context(app.router.lifespan_context(app))
        return app


def _failed(pages: "asyncio.Task[FastAPI]") -> bool:
    """Whether it is opened anew for who asks next: what was wrong may be over, as a disk that was full."""
    return pages.done() and (pages.cancelled() or pages.exception() is not None)

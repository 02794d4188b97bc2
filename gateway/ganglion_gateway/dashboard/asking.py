# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's own API, asked by a page on behalf of who looks at it: its rights, audit and errors hold here as well.

No socket is in between: the request goes into the same application, guard and all.
"""

import httpx
from fastapi import Request
from starlette.types import ASGIApp

from ganglion.client.call import LINES
from ganglion.errors import GanglionError
from ganglion_gateway.client import AsyncGatewayClient
from ganglion_gateway.dashboard.streaming import Answer

#: What says who somebody is.
_IDENTITY = ("cookie", "authorization")


class LoggedOutError(GanglionError):
    """Who opened the page is let in no more."""

    def __init__(self) -> None:
        super().__init__("you are logged out: log in again")


def client(app: ASGIApp, request: Request, language: str) -> AsyncGatewayClient:
    """A client for the life of a page.

    Args:
        app: The application with its guard.
        request: The one that opened the page.
        language: What refusals are told in, one of `languages.LANGUAGES`.
    """
    return AsyncGatewayClient(str(request.base_url), "", transport=_Inside(app, request, language))


class _Inside(httpx.AsyncBaseTransport):
    def __init__(self, app: ASGIApp, request: Request, language: str) -> None:
        address = request.client
        self._app = app
        self._address = ("", 0) if address is None else (address.host, address.port)
        # What is broken there is logged there, and is a 500 here as it is to programs
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False, client=self._address)
        self._identity = {name: request.headers[name] for name in _IDENTITY if name in request.headers}
        # The guard lets a cookie change something only where the page is the gateway's own, as this one is
        self._identity |= {"origin": str(request.base_url).rstrip("/"), "host": request.headers.get("host", "")}
        self._identity["accept-language"] = language

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.update(self._identity)
        if request.headers.get("accept") == LINES:
            response = await Answer(self._app, request, self._address).response()
        else:
            response = await self._inner.handle_async_request(request)
        if response.status_code == 401:
            raise LoggedOutError
        return response

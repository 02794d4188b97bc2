# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before all pages: how many one may open, and that a page is heard from its owner alone.

NiceGUI lets whoever knows the id of a page press its buttons, and that id is in the address of its socket, as logs of
proxies have it. Here a socket belongs to the principal whose cookie or token opened it, and so does a page.
"""

import inspect
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qs

import socketio
from nicegui import Client
from starlette.types import ASGIApp, Receive, Scope, Send

from ganglion.sentences import Sentence
from ganglion_gateway.access.limiter import Rate
from ganglion_gateway.problems import problem

#: Pages that one may open at once, and then a second: each takes some 20 ms of the loop to build.
BURST = 60
_EACH_SECOND = 4.0
#: Where NiceGUI has its files and sockets; everything else here is a page, also one that is not there.
_INNER = "/_nicegui"
_FILES = frozenset({"/favicon.ico"})


class Door:
    """An ASGI middleware around the dashboard, behind the guard.

    Args:
        sio: The sockets of all pages.
    """

    def __init__(self, app: ASGIApp, sio: socketio.AsyncServer) -> None:
        self._app = app
        self._sio = sio
        self._rate = Rate(each_second=_EACH_SECOND, burst=BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and (refusal := self._refusal(scope)) is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        path, who = scope["path"], scope["state"]["principal"].key
        if path.startswith(_INNER):
            (engine,) = parse_qs(scope["query_string"].decode("latin-1")).get("sid", [""])[:1]
            known = self._sio.environ.get(engine)
            is_anothers = known is not None and _opener(known) != who
            return problem(403, Sentence("this is another's page", {}), instance=path) if is_anothers else None
        if path in _FILES or scope["type"] != "http" or (wait := self._rate.wait(who, time.monotonic())) <= 0:
            return None
        headers = {"retry-after": str(max(1, round(wait)))}
        return problem(429, Sentence("too many pages were opened: wait a moment", {}), instance=path, headers=headers)


def bind(sio: socketio.AsyncServer) -> None:
    """Has every handler of the sockets heed whose page it is; a second time nothing changes."""
    handlers = sio.handlers["/"]
    for event, handler in list(handlers.items()):
        if not hasattr(handler, "__wrapped__") and event != "disconnect":
            sio.on(event, (_connecting if event == "connect" else _heeding)(handler, sio))


def _connecting(handler: Callable[..., Any], sio: socketio.AsyncServer) -> Callable[..., Any]:
    @wraps(handler)
    async def connect(sid: str, environ: dict[str, Any], *more: Any) -> Any:
        asked = parse_qs(environ.get("QUERY_STRING", "")).get("client_id", [""])[0]
        if not _is_own(asked, environ):
            # As where there is no such page: the browser loads it anew, as who it is now
            raise socketio.exceptions.ConnectionRefusedError("Implicit handshake failed")
        return await handler(sid, environ, *more)

    return connect


def _heeding(handler: Callable[..., Any], sio: socketio.AsyncServer) -> Callable[..., Any]:
    @wraps(handler)
    async def heed(sid: str, said: Any = None, *more: Any) -> Any:
        asked = said.get("client_id") if isinstance(said, dict) else None
        if not isinstance(asked, str) or not _is_own(asked, sio.get_environ(sid)):
            return False
        answer = handler(sid, said, *more)
        return await answer if inspect.isawaitable(answer) else answer

    return heed


def _is_own(page: str, environ: dict[str, Any] | None) -> bool:
    """Whether a page is of who has opened a socket, or is not there, which NiceGUI answers."""
    if (client := Client.instances.get(page)) is None:
        return True
    return environ is not None and _opener(environ) == client.request.state.principal.key


def _opener(environ: dict[str, Any]) -> str:
    """The key of the principal whose request a socket began with."""
    key: str = environ["asgi.scope"]["state"]["principal"].key
    return key

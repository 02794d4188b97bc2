# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands before the whole application, HTTP and WebSocket alike: no token, no answer.

It wraps the outermost ASGI callable, so a page, static file or socket that somebody adds later is behind it too.
"""

import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ganglion_gateway.access.sessions import COOKIE, Session, Sessions
from ganglion_gateway.access.tokens import Keyring, Principal, Role
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.problems import problem

#: What anybody may ask for. The login page brings all of its own style and no script.
PUBLIC = frozenset({"/health/live", "/health/ready", "/health/startup", "/login"})
#: Bytes of a request's body.
MAX_BODY = 1024 * 1024
#: RFC 6455 section 7.4.2 leaves 4000 and up to us; 4401 is the usual "unauthorised".
_UNAUTHORISED = 4401

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Methods that are counted by name; a client may make up any number of others.
_COUNTED = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
_HEADERS = {
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with that a browser says `Origin: null` for our own forms
    "referrer-policy": "same-origin",
    "content-security-policy": (
        # Vue compiles templates in the browser, hence 'unsafe-eval'; nothing is loaded from anywhere else
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
}


class Guard:
    """An ASGI application around another.

    Args:
        app: What is guarded.
        keyring: Knows tokens.
        sessions: Knows cookies.
        metrics: Counts answers.
        clock: Seconds since the Unix epoch.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        sessions: Sessions,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        self._keyring = keyring
        self._sessions = sessions
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through that somebody known makes, or anybody for what is public."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, self._answering(scope, send))
        else:
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        path, method = scope["path"], scope["method"]
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length) > MAX_BODY:
            await problem(413, f"a request has at most {MAX_BODY} bytes", instance=path)(scope, receive, send)
            return
        bounded = _Bounded(receive)
        if path in PUBLIC:
            await self.app(scope, bounded, send)
            return
        principal, session = self._who(headers)
        if principal is None:
            self._metrics.refused.inc()
            if method == "GET" and "text/html" in headers.get("accept", ""):
                await RedirectResponse("/login", 303)(scope, receive, send)
                return
            detail = "say who you are: Authorization: Bearer and the token that is in the gateway's state folder"
            challenge = {"www-authenticate": 'Bearer realm="ganglion"'}
            await problem(401, detail, instance=path, headers=challenge)(scope, receive, send)
            return
        if method not in _SAFE:
            if session is not None and not same_origin(headers):
                await problem(403, "a page of another origin asked for a change", instance=path)(scope, receive, send)
                return
            if principal.role is Role.VIEWER:
                detail = f"the token of {principal.name} may look and change nothing"
                await problem(403, detail, instance=path)(scope, receive, send)
                return
        state = scope.setdefault("state", {})
        state["principal"], state["session"] = principal, session
        await self.app(scope, bounded, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        principal, session = self._who(headers)
        if principal is None or (session is not None and not same_origin(headers)):
            self._metrics.refused.inc()
            await receive()  # the connect; a close before the accept is an answer of 403
            await send({"type": "websocket.close", "code": _UNAUTHORISED, "reason": "log in first"})
            return
        scope.setdefault("state", {})["principal"] = principal
        await self.app(scope, receive, send)

    def _who(self, headers: Headers) -> tuple[Principal | None, Session | None]:
        """Who asks, and the session where a cookie says so, which a browser sends without being asked."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._keyring.who(token.strip()), None
        session = self._sessions.read(_cookie(headers), now=int(self._clock()))
        return (None if session is None else self._keyring.holder(session.key)), session

    def _answering(self, scope: Scope, send: Send) -> Send:
        began = time.perf_counter()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                method = scope["method"] if scope["method"] in _COUNTED else "other"
                self._metrics.requests.labels(method, str(message["status"])).inc()
                route = getattr(scope.get("route"), "path", "")  # of a path that is none, nobody may make a label
                self._metrics.request.labels(route or "other").observe(time.perf_counter() - began)
            await send(message)

        return answer


class _Bounded:
    """A `receive` that ends a body which is larger than it may be, whatever its length was said to be."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY:
            return {"type": "http.disconnect"}
        return message


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


def same_origin(headers: Headers) -> bool:
    """Whether the page that asks is ours. SameSite does not see the port, and other programs listen on loopback too."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return urlsplit(origin).netloc == headers.get("host", "")

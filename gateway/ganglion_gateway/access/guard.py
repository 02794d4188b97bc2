# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands before the whole application, HTTP and WebSocket alike: no token, no answer; no right, none either.

It wraps the outermost ASGI callable, so a page, static file or socket that somebody adds later is behind it too.
"""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ganglion.sentences import say
from ganglion_gateway.access import cookies
from ganglion_gateway.access.limiter import Rate, source
from ganglion_gateway.access.permissions import KNOWN, PUBLIC, needs, socket_needs
from ganglion_gateway.access.sessions import CLOSED, COOKIE, ENDED, Session, Sessions
from ganglion_gateway.access.tokens import Keyring, Principal
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.problems import problem

#: Bytes of a request's body, and seconds that all of it may take to come.
MAX_BODY, BODY_SECONDS = 1024 * 1024, 30.0
#: Requests a second of one who is known, and of an address of those who are not where anybody may ask.
_RATE, _BURST = 500.0, 2000
_STRANGERS, _STRANGERS_BURST = 20.0, 100
_STRANGER = say("say who you are: Authorization: Bearer and a token, which `ganglion login` or an API key gives")
_NO_MORE = say("this token is none, has expired or was taken back: `ganglion login` gives another")
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
        self._rate = Rate(each_second=_RATE, burst=_BURST)
        self._strangers = Rate(each_second=_STRANGERS, burst=_STRANGERS_BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through that somebody known makes, or anybody for what is public."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        scope = cookies.sound(scope)
        if scope["type"] == "http":
            if scope["method"] == "HEAD":
                scope, send = {**scope, "method": "GET"}, _headless(send)
            await self._http(scope, receive, self._answering(scope, send))
        else:
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        path, method = scope["path"], scope["method"]
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length) > MAX_BODY:
            await problem(413, say("a request has at most {most} bytes", most=MAX_BODY), instance=path)(
                scope, receive, send
            )
            return
        if (coding := _coding(headers)) != "identity":
            detail = say(
                "the body comes in Content-Encoding {coding!r}, which is not taken here: send it as it is",
                coding=coding,
            )
            said = {"accept-encoding": "identity"}  # RFC 9110 section 15.5.16
            await problem(415, detail, instance=path, headers=said)(scope, receive, send)
            return
        bounded = _Bounded(receive)
        send = bounded.answering(scope, send)
        methods = needs(path)
        asked = None if methods is None else methods.get(method, methods.get("*"))
        principal, session = self._who(headers)
        if (wait := self._too_fast(scope, asked, principal)) > 0:
            retry = {"retry-after": str(max(1, round(wait)))}
            await problem(429, say("too many requests: ask less often"), instance=path, headers=retry)(
                scope, receive, send
            )
            return
        if asked != PUBLIC:
            refusal = self._refused(scope, headers, principal, session, methods, asked)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
            state = scope.setdefault("state", {})
            state["principal"], state["session"] = principal, session
        await self.app(scope, bounded, send)

    def _too_fast(self, scope: Scope, asked: str | None, principal: Principal | None) -> float:
        now = time.monotonic()
        if principal is not None:
            return self._rate.wait(principal.key, now)
        if asked != PUBLIC or scope["path"].startswith(("/health/", "/hooks/")):
            # A 401 costs no more than a 429; what watches over the process must not think that it is down; and hooks
            # have rates of their own.
            return 0.0
        client = scope.get("client")
        return self._strangers.wait(source(client[0]) if client else "", now)

    def _refused(
        self,
        scope: Scope,
        headers: Headers,
        principal: Principal | None,
        session: Session | None,
        methods: dict[str, str] | None,
        asked: str | None,
    ) -> ASGIApp | None:
        """The answer to who may not ask this; None for who may."""
        path, method = scope["path"], scope["method"]
        if asked is None and PUBLIC in (methods or {}).values():
            return _not_taken(path, method, methods or {})
        if principal is None:
            self._metrics.refused.inc()
            if method == "GET" and "text/html" in headers.get("accept", ""):
                return RedirectResponse(_login(scope, headers, session), 303)
            detail = _STRANGER if "authorization" not in headers else _NO_MORE
            return problem(401, detail, instance=path, headers={"www-authenticate": 'Bearer realm="ganglion"'})
        if methods is None:
            detail = say("there is nothing at {path}: GET /openapi.json lists what there is", path=path)
            return problem(404, detail, instance=path)
        if asked is None:
            return _not_taken(path, method, methods)
        if method not in _SAFE and session is not None and not same_origin(headers):
            return problem(403, say("a page of another origin asked for a change"), instance=path)
        if asked != KNOWN and not principal.may(asked):
            return problem(403, _may_not(principal, asked), instance=path)
        return None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        principal, session = self._who(headers)
        asked = socket_needs(scope["path"])
        if principal is None or (session is not None and not same_origin(headers)):
            self._metrics.refused.inc()
            status = 401
            reason: str = say("log in first: Authorization: Bearer and a token, or the cookie of a login here")
        elif asked is None:
            status, reason = 404, say("there is no WebSocket at {path}: it is at /ws", path=scope["path"])
        elif asked != KNOWN and not principal.may(asked):
            status, reason = 403, _may_not(principal, asked)
        else:
            scope.setdefault("state", {})["principal"] = principal
            await self.app(scope, receive, send)
            return
        await receive()  # the connect
        if "websocket.http.response" in (scope.get("extensions") or {}):
            challenge = {"www-authenticate": 'Bearer realm="ganglion"'} if status == 401 else {}
            await problem(status, reason, instance=scope["path"], headers=challenge)(scope, receive, send)
            return
        # A close before the accept is an answer of 403
        await send({"type": "websocket.close", "code": _UNAUTHORISED, "reason": reason[:120]})

    def _who(self, headers: Headers) -> tuple[Principal | None, Session | None]:
        """Who asks, and the session where a cookie says so, which a browser sends without being asked."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._keyring.who(token.strip()), None
        session = self._sessions.read(cookies.cookie(headers, COOKIE), now=int(self._clock()))
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


def _headless(send: Send) -> Send:
    """A `send` that ends the answer where its body would begin: to HEAD the server says the rest (RFC 9110, 9.3.2)."""
    ended = False

    async def answer(message: Message) -> None:
        nonlocal ended
        if message["type"] != "http.response.body":
            await send(message)
        elif not ended:
            ended = True
            await send({**message, "body": b"", "more_body": False})

    return answer


def _not_taken(path: str, method: str, methods: dict[str, str]) -> ASGIApp:
    also = {"HEAD"} if "GET" in methods else set()
    allow = {"allow": ", ".join(sorted({*methods, *also}))}
    return problem(405, say("{path} does not take {method}", path=path, method=method), instance=path, headers=allow)


def _login(scope: Scope, headers: Headers, session: Session | None) -> str:
    """Where who is not let in logs in: with the page that was asked for, and why, where there was a session before."""
    said = {}
    if cookies.cookie(headers, COOKIE):
        said["why"] = ENDED if session is None else CLOSED
    query = scope["query_string"].decode("latin-1")
    wanted = quote(scope["path"], safe="/:@!$&'()*+,;=~") + (f"?{query}" if query else "")
    if wanted != "/":
        said["next"] = wanted
    return f"/login?{urlencode(said)}" if said else "/login"


def _may_not(principal: Principal, scope: str) -> str:
    if principal.must_change:
        return say(
            "{name} must change the password first: POST /api/v1/auth/password, or log in at /login",
            name=principal.name,
        )
    return say("{name} may not do this: it asks for the scope {scope!r}", name=principal.name, scope=scope)


class _Bounded:
    """A `receive` that ends a body which is larger than it may be, or slower, whatever its length was said to be."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self._fault: tuple[int, str] | None = None
        self._until: float | None = time.monotonic() + BODY_SECONDS

    async def __call__(self) -> Message:
        if self._until is None:
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            self._fault = 408, say("a request has {seconds:g} s to come", seconds=BODY_SECONDS)
            return {"type": "http.disconnect"}
        if not message.get("more_body"):
            self._until = None  # the rest is waiting for the client to go
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY:
            self._fault = 413, say("a request has at most {most} bytes", most=MAX_BODY)
            return {"type": "http.disconnect"}
        return message

    def answering(self, scope: Scope, send: Send) -> Send:
        """A `send` that says so, in place of what the application makes of a body that has no end."""
        told = False

        async def answer(message: Message) -> None:
            nonlocal told
            if self._fault is None:
                await send(message)
            elif not told:
                told = True
                await problem(*self._fault, instance=scope["path"])(scope, self._receive, send)

        return answer


def _coding(headers: Headers) -> str:
    """How the body of a request is encoded; `identity` where it is not, or there is none."""
    if "content-length" not in headers and "transfer-encoding" not in headers:
        return "identity"
    said = [name.strip().lower() for each in headers.getlist("content-encoding") for name in each.split(",")]
    return ", ".join(name for name in said if name not in ("", "identity"))[:64] or "identity"


def same_origin(headers: Headers) -> bool:
    """Whether the page that asks is ours. SameSite does not see the port, and other programs listen on loopback too."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return urlsplit(origin).netloc == headers.get("host", "")

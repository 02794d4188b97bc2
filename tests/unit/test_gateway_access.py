# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens, sessions, failures, and the guard that lets nobody in without them."""

import asyncio
import json
import tracemalloc
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion_gateway.access import guard as guard_module
from ganglion_gateway.access.guard import MAX_BODY, Guard
from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.permissions import PUBLIC, TABLE
from ganglion_gateway.access.sessions import COOKIE, LIFETIME, Sessions
from ganglion_gateway.access.tokens import Keyring, Role, digest, new_token
from ganglion_gateway.metrics import Metrics

SECONDS = 1_767_225_600
TOKEN, VIEWER = new_token(), new_token()


def keyring() -> Keyring:
    known = Keyring()
    known.load(
        {"id": id, "name": id, "role": role.value, "digest": digest(token)}
        for id, role, token in (("k1", Role.ADMIN, TOKEN), ("k2", Role.VIEWER, VIEWER))
    )
    return known


def test_a_token_is_known_by_its_hash_alone() -> None:
    known = keyring()
    who = known.who(TOKEN)
    assert who is not None
    assert (who.key, who.role) == ("k1", Role.ADMIN)
    assert known.holder("k2") is not None
    assert known.holder("k3") is None


@given(st.text() | st.just(TOKEN[:-1]) | st.just(TOKEN + "x") | st.just("\ud800"))
def test_no_other_text_is_a_token(text: str) -> None:
    assert keyring().who(text) is None


def test_a_session_holds_for_its_time() -> None:
    sessions = Sessions(b"s" * 32)
    cookie = sessions.issue("k1", now=SECONDS)
    assert sessions.read(cookie, now=SECONDS + LIFETIME - 1) == ("k1", SECONDS + LIFETIME)
    assert sessions.read(cookie, now=SECONDS + LIFETIME) is None
    assert Sessions(b"t" * 32).read(cookie, now=SECONDS) is None


@given(st.integers(0, 200), st.integers(1, 127))
def test_a_cookie_that_was_touched_is_none(at: int, by: int) -> None:
    sessions = Sessions(b"s" * 32)
    cookie = sessions.issue("k1", now=SECONDS)
    at %= len(cookie)
    other = cookie[:at] + chr((ord(cookie[at]) + by) % 128) + cookie[at + 1 :]
    # The last letter of base64 has bits that mean nothing: then it is the same cookie, written otherwise
    assert sessions.read(other, now=SECONDS) in (None, sessions.read(cookie, now=SECONDS))


@given(st.text())
def test_any_text_is_a_cookie_or_none(text: str) -> None:
    assert Sessions(b"s" * 32).read(text, now=SECONDS) is None


def test_who_is_wrong_too_often_must_wait_and_nobody_else() -> None:
    failures = Failures(most=3, seconds=10)
    for _ in range(3):
        assert failures.wait("a", 0.0) == 0
        failures.add("a", 0.0)
    assert 0 < failures.wait("a", 0.0) <= 10
    assert failures.wait("b", 0.0) == 0
    assert failures.wait("a", 10.0) == 0


def test_many_addresses_together_must_wait_too() -> None:
    failures = Failures(most=3, seconds=10, everybody=4)
    for i in range(12):
        failures.add(f"a{i}", 0.0)
    assert failures.wait("somebody new", 0.0) > 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=60))
def test_nobody_gets_more_guesses_than_the_bucket_gives(story: list[tuple[str, float]]) -> None:
    failures = Failures(most=3, seconds=10)
    now, guesses = 0.0, 0
    for address, later in story:
        now += later
        if address == "a" and failures.wait("a", now) == 0:
            failures.add("a", now)
            guesses += 1
    assert guesses <= 3 + now / 10


class Inner:
    """What is guarded: remembers what came through."""

    def __init__(self) -> None:
        self.came: list[dict[str, Any]] = []
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.came.append(scope)
        if scope["type"] == "http":
            while True:
                message = await receive()
                self.body += message.get("body", b"")
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    break
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"secret"})


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def guard(inner: Inner) -> Guard:
    return Guard(
        inner, keyring=keyring(), sessions=Sessions(b"s" * 32), metrics=Metrics(), clock=lambda: float(SECONDS)
    )


async def ask(
    guard: Guard, path: str = "/x", *, method: str = "GET", body: list[bytes] | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []
    parts = list(body or [b""])

    async def receive() -> dict[str, Any]:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": raw, "query_string": b""}
    await guard(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(one.get("body", b"") for one in sent[1:])


def cookie(key: str = "k1") -> str:
    return f"{COOKIE}={Sessions(b's' * 32).issue(key, now=SECONDS)}"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/metrics",
            "/openapi.json",
            "/docs",
            "/api/v1/nodes",
            "/_nicegui/1/static/x.js",
            "/_nicegui_ws/socket.io/",
        ),
        *(
            "/health",
            "/health/",
            "/health/live/",
            "/health/live/x",
            "//login",
            "/login/",
            "/LOGIN",
            "/login/../metrics",
        ),
    ],
)
async def test_without_a_token_there_is_no_answer(guard: Guard, inner: Inner, path: str) -> None:
    status, headers, body = await ask(guard, path)
    assert (status, headers["content-type"]) == (401, "application/problem+json")
    assert headers["www-authenticate"].startswith("Bearer")
    assert json.loads(body)["status"] == 401
    assert inner.came == []


@pytest.mark.parametrize("path", [path for path, methods in TABLE.items() if methods.get("GET") == PUBLIC])
async def test_health_and_login_are_for_anybody(guard: Guard, path: str) -> None:
    assert (await ask(guard, path))[0] == 200


@pytest.mark.parametrize(
    "token", ["", "x", TOKEN[:-1], TOKEN.upper(), "é" * 20], ids=["none", "short", "cut", "upper", "not ASCII"]
)
async def test_a_wrong_token_is_none(guard: Guard, token: str) -> None:
    assert (await ask(guard, authorization=f"Bearer {token}"))[0] == 401


async def test_a_token_or_a_session_lets_in(guard: Guard) -> None:
    assert (await ask(guard, authorization=f"Bearer {TOKEN}"))[0] == 200
    assert (await ask(guard, authorization=f"bearer  {TOKEN}"))[0] == 200
    assert (await ask(guard, cookie=cookie()))[0] == 200


async def test_of_long_paths_that_strangers_ask_for_nothing_is_remembered(guard: Guard) -> None:
    tracemalloc.start()
    try:
        for number in range(200):
            status, _, _ = await ask(guard, f"/{number:060000}")
            assert status == 401
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2_000_000
    assert (await ask(guard, f"/{1:060000}", authorization=f"Bearer {TOKEN}"))[0] == 404


async def test_cookies_that_are_none_are_not_handed_on(guard: Guard, inner: Inner) -> None:
    """Python's own reader takes time that grows with the square of the backslashes: see `access.cookies`."""
    cookie = Sessions(b"s" * 32).issue("k1", now=SECONDS)
    others = 'theirs="{\\"a\\": 1}"; colours=dark'
    status, _, _ = await ask(guard, cookie=f'{others}; {COOKIE}={cookie}; more="' + "\\" * 60_000 + '"')
    assert status == 200
    assert dict(inner.came[0]["headers"])[b"cookie"].decode() == f" colours=dark; {COOKIE}={cookie}"


async def test_a_wrong_token_is_not_made_good_by_a_cookie(guard: Guard) -> None:
    assert (await ask(guard, cookie=cookie(), authorization="Bearer x"))[0] == 401


async def test_a_browser_is_sent_to_the_login(guard: Guard) -> None:
    status, headers, _ = await ask(guard, "/", accept="text/html,*/*")
    assert (status, headers["location"]) == (303, "/login")


async def test_the_login_knows_what_was_asked_for_and_why_the_session_is_none(guard: Guard) -> None:
    async def sent(path: str, **headers: str) -> dict[str, list[str]]:
        _, answer, _ = await ask(guard, path, accept="text/html", **headers)
        return parse_qs(urlsplit(answer["location"]).query)

    assert await sent("/nodes/b\N{LATIN SMALL LETTER E WITH ACUTE}") == {"next": ["/nodes/b%C3%A9"]}
    assert await sent("/fleet", cookie="ganglion_session=of.old") == {"next": ["/fleet"], "why": ["ended"]}
    assert await sent("/", cookie=cookie(key="gone")) == {"why": ["closed"]}


async def test_a_page_of_another_origin_changes_nothing_with_our_cookie(guard: Guard, inner: Inner) -> None:
    evil = {"cookie": cookie(), "host": "127.0.0.1:8470", "origin": "http://127.0.0.1:9999"}
    assert (await ask(guard, method="POST", **evil))[0] == 403
    assert inner.came == []
    good = {**evil, "origin": "http://127.0.0.1:8470"}
    assert (await ask(guard, method="POST", **good))[0] == 200
    program = {"authorization": f"Bearer {TOKEN}", "origin": "http://127.0.0.1:9999"}
    assert (await ask(guard, method="POST", **program))[0] == 200


async def test_who_may_look_may_not_change(guard: Guard) -> None:
    assert (await ask(guard, authorization=f"Bearer {VIEWER}"))[0] == 200
    assert (await ask(guard, method="DELETE", authorization=f"Bearer {VIEWER}"))[0] == 403


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "-1", "9" * 30, "1e3", "x"])
async def test_a_body_that_is_said_to_be_too_large_is_not_read(guard: Guard, inner: Inner, length: str) -> None:
    answer = await ask(guard, method="POST", authorization=f"Bearer {TOKEN}", content_length=length)
    assert answer[0] == 413
    assert inner.came == []


async def test_a_body_that_does_not_end_is_cut(guard: Guard, inner: Inner) -> None:
    await ask(guard, method="POST", authorization=f"Bearer {TOKEN}", body=[b"x" * 400_000] * 4)
    assert len(inner.body) <= MAX_BODY


async def connect(guard: Guard, **headers: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await guard({"type": "websocket", "path": "/_nicegui_ws/socket.io/", "headers": raw}, receive, send)
    return sent


async def test_a_socket_without_a_token_is_closed_before_it_is_open(guard: Guard, inner: Inner) -> None:
    assert [message["type"] for message in await connect(guard)] == ["websocket.close"]
    other = {"cookie": cookie(), "host": "127.0.0.1:8470", "origin": "http://evil.test"}
    assert [message["type"] for message in await connect(guard, **other)] == ["websocket.close"]
    assert inner.came == []
    await connect(guard, authorization=f"Bearer {TOKEN}")
    assert [scope["type"] for scope in inner.came] == ["websocket"]


async def test_a_body_that_trickles_is_given_up(guard: Guard, inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "BODY_SECONDS", 0.02)

    async def receive() -> dict[str, Any]:
        if inner.body:  # the first piece comes at once, however busy the machine is
            await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        pass

    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    async with asyncio.timeout(60):
        await guard({"type": "http", "path": "/x", "method": "POST", "headers": headers}, receive, send)
    assert inner.body

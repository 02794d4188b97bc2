# SPDX-License-Identifier: GPL-3.0-or-later
"""People and programs at a real gateway: who gets in, what they may, and when that ends."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from ganglion.errors import InvalidError
from ganglion_gateway.access.permissions import KNOWN, PUBLIC, ROLES, TABLE, Role
from ganglion_gateway.access.tokens import digest, new_token
from ganglion_gateway.settings import WebhookSettings
from ganglion_gateway.store import accounts, audit, keys
from support.gateway import Here, here

CHOSEN = "a quiet green heron"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Here]:
    async with here(tmp_path / "state") as started:
        yield started


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def login(site: Here, name: str, password: str) -> httpx.Response:
    return await site.stranger.post("/api/v1/auth/login", json={"name": name, "password": password})


async def user(site: Here, name: str = "olena", role: str = "operator") -> dict[str, Any]:
    """A user who has chosen a password: what the login gave."""
    made = await site.post("/users", {"name": name, "role": role})
    first = (await login(site, name, made["password"])).json()
    body = {"old": made["password"], "new": CHOSEN}
    changed = await site.stranger.post("/api/v1/auth/password", json=body, headers=bearer(first["access_token"]))
    assert changed.status_code == 204, changed.text
    granted: dict[str, Any] = (await login(site, name, CHOSEN)).json()
    return granted


async def status(site: Here, method: str, path: str, token: str) -> int:
    return (await site.stranger.request(method, f"/api/v1{path}", headers=bearer(token), json={})).status_code


async def actions(site: Here) -> list[str]:
    return [entry["action"] for entry in (await site.get("/audit", limit=500))["entries"]]


async def test_the_first_start_makes_an_admin_whose_password_is_for_one_login(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        password = site.services.first_password
        assert password is not None
        granted = (await login(site, "admin", password)).json()
        assert granted["must_change"] is True
        token = granted["access_token"]
        refused = await site.stranger.get("/api/v1/nodes", headers=bearer(token))
        assert refused.status_code == 403
        assert "/api/v1/auth/password" in refused.json()["detail"]
        body = {"old": password, "new": CHOSEN}
        assert (await site.stranger.post("/api/v1/auth/password", json=body, headers=bearer(token))).status_code == 204
        assert await status(site, "GET", "/users", token) == 200
        assert (await login(site, "admin", password)).status_code == 401
    async with here(tmp_path / "state") as again:
        assert again.services.first_password is None
        assert (await login(again, "admin", CHOSEN)).json()["must_change"] is False
        assert await status(again, "GET", "/users", token) == 200  # a restart ends no session


async def test_a_start_that_fails_takes_no_password_with_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidError):
        async with here(tmp_path / "state", webhook=WebhookSettings(url="ftp://no.example")):
            raise AssertionError
    async with here(tmp_path / "state") as site:
        assert site.services.first_password is not None


async def test_of_two_gateways_that_start_together_one_shows_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_yet(*_: Any, **__: Any) -> list[Any]:
        return []

    async with here(tmp_path / "state") as site:
        monkeypatch.setattr(accounts, "all_users", nobody_yet)  # as the second one has read it
        assert await site.services.accounts.first() is None
        assert (await login(site, "admin", site.services.first_password or "")).status_code == 200


async def test_a_refresh_token_is_good_once_and_its_second_use_ends_the_session(site: Here) -> None:
    granted = await user(site)

    async def refresh(token: str) -> httpx.Response:
        return await site.stranger.post("/api/v1/auth/refresh", json={"refresh_token": token})

    second = (await refresh(granted["refresh_token"])).json()
    assert await status(site, "GET", "/nodes", second["access_token"]) == 200
    assert (await refresh(granted["refresh_token"])).status_code == 401
    assert await status(site, "GET", "/nodes", second["access_token"]) == 401
    assert (await refresh(second["refresh_token"])).status_code == 401
    assert "login.reuse" in await actions(site)


async def test_of_two_at_once_one_refresh_passes(site: Here) -> None:
    token = (await user(site))["refresh_token"]
    answers = await asyncio.gather(
        *(site.stranger.post("/api/v1/auth/refresh", json={"refresh_token": token}) for _ in range(5))
    )
    assert [answer.status_code for answer in answers].count(200) == 1


async def test_a_session_is_listed_and_ended_and_so_is_whats_left_by_a_logout(site: Here) -> None:
    first, second = await user(site), (await login(site, "olena", CHOSEN)).json()
    mine = await site.stranger.get("/api/v1/auth/sessions", headers=bearer(first["access_token"]))
    listed = {one["id"]: one["this"] for one in mine.json()["sessions"]}
    assert listed[first["session"]] is True
    assert listed[second["session"]] is False
    assert await status(site, "DELETE", f"/auth/sessions/{second['session']}", first["access_token"]) == 204
    assert await status(site, "GET", "/nodes", second["access_token"]) == 401
    assert await status(site, "POST", "/auth/logout", first["access_token"]) == 204
    assert await status(site, "GET", "/nodes", first["access_token"]) == 401
    stranger = await user(site, "taras")
    other = (await login(site, "olena", CHOSEN)).json()
    assert await status(site, "DELETE", f"/auth/sessions/{other['session']}", stranger["access_token"]) == 404


async def test_another_role_another_password_and_a_removal_hold_at_once(site: Here) -> None:
    token = (await user(site, role="admin"))["access_token"]
    assert await status(site, "GET", "/audit", token) == 200
    assert (await site.http.patch("/api/v1/users/olena", json={"role": "viewer"})).json()["role"] == "viewer"
    assert await status(site, "GET", "/audit", token) == 403
    assert await status(site, "GET", "/nodes", token) == 200
    given = (await site.post("/users/olena/password", {}))["password"]
    assert await status(site, "GET", "/nodes", token) == 401
    assert (await login(site, "olena", CHOSEN)).status_code == 401
    token = (await login(site, "olena", given)).json()["access_token"]
    assert await status(site, "GET", "/auth/me", token) == 200
    assert (await site.http.delete("/api/v1/users/olena")).status_code == 204
    assert await status(site, "GET", "/auth/me", token) == 401
    assert {"user.create", "user.password", "user.role", "user.remove", "login"} <= set(await actions(site))


async def test_the_last_admin_stays(site: Here) -> None:
    assert (await site.http.delete("/api/v1/users/admin")).status_code == 403
    assert (await site.http.patch("/api/v1/users/admin", json={"role": "viewer"})).status_code == 403
    await site.post("/users", {"name": "olena", "role": "admin"})
    assert (await site.http.delete("/api/v1/users/admin")).status_code == 204


async def test_guessing_is_slow_by_account_and_by_address_and_says_when(site: Here) -> None:
    await user(site)
    statuses = [(await login(site, "olena", f"guess {i}")).status_code for i in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = await login(site, "olena", CHOSEN)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    # The name is asked from elsewhere no more either, and from here no other
    site.services.failures.__init__()  # type: ignore[misc]
    assert (await login(site, "olena", CHOSEN)).status_code == 429
    assert (await login(site, "nobody", "x")).status_code == 401


async def test_names_that_nobody_has_are_not_told_apart(site: Here) -> None:
    await user(site)
    known, unknown = await login(site, "olena", "wrong"), await login(site, "nobody", "wrong")
    assert known.status_code == unknown.status_code == 401
    assert known.json() == unknown.json()
    targets = [entry["target"] for entry in (await site.get("/audit", action="login.failed"))["entries"]]
    assert targets == ["", "olena"]  # what nobody is called may be a password, typed into the wrong field


async def test_an_api_key_is_shown_once_has_its_scopes_and_ends(site: Here) -> None:
    made = await site.post("/api-keys", {"name": "screen", "scopes": ["read"], "ttl": "1h"})
    assert made["scopes"] == ["read"]
    assert made["role"] is None
    assert "token" not in str((await site.get("/api-keys"))["api_keys"])
    assert await status(site, "GET", "/nodes", made["token"]) == 200
    assert await status(site, "GET", "/audit", made["token"]) == 403
    assert await status(site, "POST", "/enrol-keys", made["token"]) == 403
    now = site.services.clock()
    site.services.keyring._clock = lambda: now + 3601 * 10**9
    assert await status(site, "GET", "/nodes", made["token"]) == 401
    site.services.keyring._clock = lambda: now
    await site.post(f"/api-keys/{made['id']}/revoke", {})
    assert await status(site, "GET", "/nodes", made["token"]) == 401
    assert {"api_key.create", "api_key.revoke"} <= set(await actions(site))


async def test_nobody_gives_more_than_they_have(site: Here) -> None:
    clerk = await site.post("/api-keys", {"name": "clerk", "scopes": ["access", "read"]})
    for body, expected in (
        ({"name": "x", "role": "admin"}, 403),
        ({"name": "x", "scopes": ["config"]}, 403),
        ({"name": "x", "scopes": ["read"]}, 201),
        ({"name": "x", "scopes": ["nonsense"]}, 422),
        ({"name": "x", "scopes": []}, 422),
        ({"name": "x"}, 422),
        ({"name": "x", "role": "viewer", "scopes": ["read"]}, 422),
    ):
        answer = await site.stranger.post("/api/v1/api-keys", json=body, headers=bearer(clerk["token"]))
        assert answer.status_code == expected, (body, answer.text)
    for method, path, body in (
        ("POST", "/users", {"name": "me", "role": "admin"}),
        ("PATCH", "/users/admin", {"role": "admin"}),
        ("POST", "/users/admin/password", {}),
        ("DELETE", "/users/admin", None),
    ):
        answer = await site.stranger.request(method, f"/api/v1{path}", json=body, headers=bearer(clerk["token"]))
        assert answer.status_code == 403, (method, path, answer.text)


async def test_a_console_asks_for_the_debug_scope(site: Here) -> None:
    operator = await site.post("/api-keys", {"name": "o", "role": "operator"})
    debug = await site.post("/api-keys", {"name": "d", "role": "debug"})
    for made, expected in ((operator, 403), (debug, 404)):
        answer = await site.stranger.post(
            "/api/v1/nodes/nobody/commands", json={"method": "console.open"}, headers=bearer(made["token"])
        )
        assert answer.status_code == expected, answer.text


def operations(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


def row(path: str) -> dict[str, str]:
    return next(methods for known, methods in TABLE.items() if known.replace(":path}", "}") == path)


async def test_every_route_asks_every_role_for_what_the_table_says(site: Here) -> None:
    """Roles and strangers at every operation of the document: only who has its scope gets past the guard."""
    document = (await site.http.get("/openapi.json")).json()
    known = operations(document)
    for method, path in known:
        assert method in row(path), f"{method} {path} has no row in ganglion_gateway.access.permissions.TABLE"
    hidden = {"/login", "/logout", "/openapi.json"}
    listed = {(method, path.replace(":path}", "}")) for path, methods in TABLE.items() for method in methods}
    assert {each for each in listed if each[1] not in hidden} == set(known), "a row of the table has no route"
    tokens: dict[Role | None, str] = {None: ""}
    database = site.services.database
    for role in Role:
        tokens[role] = token = new_token()
        await database.write(
            lambda connection, role=role, token=token: keys.save_api_key(
                connection, name=role.value, role=role.value, digest=digest(token), created=1
            )
        )
    await site.services.accounts.load()
    reached: list[tuple[str, str]] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        """In place of the application: what comes here has passed."""
        reached.append((scope["method"], scope["path"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    guard = site.guard
    guard.app = inner
    for method, path in known:
        asked = row(path)[method]
        real = re.sub(r"\{\w+\}", "x", path)
        for role, token in tokens.items():
            answer = await site.stranger.request(method, real, headers=bearer(token) if token else {})
            may = asked == PUBLIC or (role is not None and (asked == KNOWN or asked in ROLES[role]))
            wanted = 204 if may else 401 if role is None else 403
            assert answer.status_code == wanted, (method, path, role, answer.text)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = await site.http.request(method, "/api/v1/added-by-somebody")
        assert answer.status_code == 404
    assert ("GET", "/api/v1/added-by-somebody") not in reached
    answer = await site.http.delete("/api/v1/nodes")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_person_logs_in_at_the_dashboard_and_chooses_a_password_first(site: Here) -> None:
    first = site.services.first_password
    browser = site.stranger
    page = await browser.post("/login", data={"name": "admin", "password": str(first)})
    assert (page.status_code, "New password" in page.text, "ganglion_session" in browser.cookies) == (200, True, False)
    assert "type the one-time password once more" in page.text
    short = await browser.post("/login", data={"name": "admin", "password": str(first), "new": "short"})
    assert short.status_code == 422
    entered = await browser.post("/login", data={"name": "admin", "password": str(first), "new": CHOSEN})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert (await browser.get("/api/v1/auth/me")).json()["name"] == "admin"
    assert (await browser.post("/login", data={"name": "admin", "password": "wrong"})).status_code == 401
    kept = browser.cookies["ganglion_session"]
    assert (await browser.post("/logout")).status_code == 303
    answer = await browser.get("/api/v1/auth/me", headers={"cookie": f"ganglion_session={kept}"})
    assert answer.status_code == 401  # the cookie of an ended session is worth nothing


async def test_too_many_requests_are_told_when_to_come_again(site: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    from ganglion_gateway.access.limiter import Rate

    monkeypatch.setattr(site.guard, "_rate", Rate(each_second=0.01, burst=3))
    monkeypatch.setattr(site.guard, "_strangers", Rate(each_second=0.01, burst=3))
    for http, path in ((site.http, "/api/v1/auth/me"), (site.stranger, "/login")):
        answers = [await http.get(path) for _ in range(4)]
        assert [answer.status_code == 429 for answer in answers] == [False] * 3 + [True]
        assert int(answers[-1].headers["retry-after"]) > 1
    assert (await site.stranger.get("/health/live")).status_code == 200


async def test_no_key_is_revoked_without_the_audit_saying_so(site: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await site.post("/api-keys", {"name": "m", "role": "viewer"})

    async def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("the disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(audit, "record", fails)
        assert (await site.http.post(f"/api/v1/api-keys/{made['id']}/revoke")).status_code == 503
    await site.services.accounts.load()
    assert await status(site, "GET", "/nodes", made["token"]) == 200

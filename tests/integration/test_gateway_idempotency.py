# SPDX-License-Identifier: GPL-3.0-or-later
"""`Idempotency-Key` at a real gateway: once carried out, however often and however badly it is asked."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from ganglion_gateway.api import idempotency
from support.gateway import Here, here


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Here]:
    async with here(tmp_path / "state") as started:
        yield started


async def make(site: Here, key: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
    wanted = {"idempotency-key": key, **headers}
    return await site.http.post("/api/v1/enrol-keys", json=body or {"name": "a"}, headers=wanted)


async def test_the_same_request_has_the_answer_of_the_first_time(site: Here, tmp_path: Path) -> None:
    first, second = await make(site, "k1"), await make(site, "k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len((await site.get("/enrol-keys"))["enrol_keys"]) == 1
    with closing(sqlite3.connect(tmp_path / "state" / "gateway.db")) as direct:
        [kept] = direct.execute("SELECT answer FROM idempotency").fetchone()
    assert first.json()["key"].encode() not in kept  # what is shown once lies nowhere to be read


async def test_a_key_outlives_a_restart_and_is_one_callers_own(tmp_path: Path) -> None:
    async with here(tmp_path / "state") as site:
        first = await make(site, "k1")
    async with here(tmp_path / "state") as site:
        assert (await make(site, "k1")).json() == first.json()
        other = await site.post("/api-keys", {"name": "other", "role": "admin"})
        theirs = await make(site, "k1", authorization=f"Bearer {other['token']}")
        assert theirs.json()["id"] != first.json()["id"]


async def test_another_request_under_the_key_is_422(site: Here) -> None:
    await make(site, "k1")
    assert (await make(site, "k1", {"name": "b"})).status_code == 422
    elsewhere = await site.http.post("/api/v1/groups", json={"name": "a"}, headers={"idempotency-key": "k1"})
    assert elsewhere.status_code == 422


async def test_of_many_at_once_one_is_carried_out_and_the_others_are_409(site: Here) -> None:
    answers = await asyncio.gather(*(make(site, "k1") for _ in range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    assert len((await site.get("/enrol-keys"))["enrol_keys"]) == 1
    assert (await make(site, "k1")).status_code == 201


async def test_where_the_database_fails_it_is_a_problem_and_what_was_done_is_answered(
    site: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("the disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(idempotency.idempotency, "begin", fails)
        refused = await make(site, "k1")
    assert refused.status_code == 503
    assert refused.json()["detail"].startswith("the database cannot be used now")
    with monkeypatch.context() as patched:
        patched.setattr(idempotency.idempotency, "finish", fails)
        done = await make(site, "k2")
    assert done.status_code == 201
    assert done.json()["key"]
    assert (await make(site, "k2")).status_code == 409, "it is not carried out a second time"


async def test_what_was_refused_may_be_asked_again(site: Here) -> None:
    assert (await make(site, "k1", {"uses": 0})).status_code == 422
    assert (await make(site, "k1", {"uses": 1})).status_code == 201


async def test_a_key_that_was_left_under_way_is_free_after_its_time(site: Here) -> None:
    asked, now = b"x" * 32, site.services.clock()
    from ganglion_gateway.store import idempotency as store

    who = site.services.keyring.who(site.token)
    assert who is not None
    left = now - 1
    await site.services.database.write(
        lambda connection: store.begin(connection, who.key, "k1", asked=asked, now=left - 1, expires=left)
    )
    assert (await make(site, "k1")).status_code == 201


async def test_an_answer_is_forgotten_after_its_time(site: Here) -> None:
    first = await make(site, "k1")
    now = site.services.clock()
    site.services.idempotency._clock = lambda: now + idempotency.KEPT + 10**9
    assert (await make(site, "k1")).json()["id"] != first.json()["id"]


async def test_a_request_is_carried_out_to_its_end_though_its_client_goes(site: Here) -> None:
    began, go_on, made = asyncio.Event(), asyncio.Event(), []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        began.set()
        gone = asyncio.create_task(receive())
        await go_on.wait()
        assert not gone.done()
        gone.cancel()
        made.append(1)
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    keyed = site.services.idempotency.around(slow)
    principal = site.services.keyring.who(site.token)
    sent: list[Any] = []

    def scope() -> dict[str, Any]:
        headers = [(b"idempotency-key", b"k1")]
        known = {"type": "http", "method": "POST", "path": "/api/v1/x", "query_string": b"", "headers": headers}
        return {**known, "state": {"principal": principal}}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(60):
        first = asyncio.create_task(keyed(scope(), receive, send))
        await began.wait()
        await keyed(scope(), receive, send)
        assert sent[0]["status"] == 409
        go_on.set()
        await first
        await keyed(scope(), receive, send)
    assert made == [1]
    assert [message["status"] for message in sent if "status" in message] == [409, 201, 201]


@pytest.mark.parametrize("key", ["", "x" * 129, "a\tb", "é"])
async def test_what_is_no_key_is_refused(site: Here, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1")), (b"authorization", f"Bearer {site.token}".encode())]
    answer = await site.stranger.post("/api/v1/enrol-keys", json={}, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_told_as_it_goes_has_no_key(site: Here) -> None:
    assert (await make(site, "k1", accept="application/x-ndjson")).status_code == 400


async def test_lists_come_page_by_page_in_one_order(site: Here) -> None:
    for i in range(5):
        await site.post("/groups", {"name": f"g{i}"})
        await site.post("/users", {"name": f"u{i}"})
        await site.post("/enrol-keys", {"name": f"k{i}"})
        await site.post("/webhooks", {"url": f"https://hooks.example.org/{i}"})
        await site.post("/api-keys", {"name": f"a{i}", "role": "viewer"})
    for path, name, field in (
        ("/groups", "groups", "name"),
        ("/users", "users", "name"),
        ("/enrol-keys", "enrol_keys", "name"),
        ("/webhooks", "webhooks", "url"),
        ("/api-keys", "api_keys", "id"),
    ):
        whole = [one[field] for one in (await site.get(path, limit=500))[name]]
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = await site.get(path, limit=2, **({"cursor": cursor} if cursor else {}))
            found += [one[field] for one in page[name]]
            cursor, pages = page["next"], pages + 1
        assert found == whole, path
        assert pages in (3, 4), path  # a page that ends with the last row has an empty one behind it
        assert (await site.http.get(f"/api/v1{path}", params={"cursor": "!"})).status_code == 422
    assert [key["name"] for key in (await site.get("/enrol-keys"))["enrol_keys"]] == ["k4", "k3", "k2", "k1", "k0"]

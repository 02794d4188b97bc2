# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks that come in: believed by their signature, once, stored before they are answered, and heard by scripts."""

import hashlib
import hmac
import json
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from ganglion_gateway.store import hooks
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.webhook.hooks import Hooks
from support.brokers import nats_broker
from support.gateway import Here, here, process
from support.node import node
from support.waiting import until_answered

SECRET = "sixteen letters!"


@pytest.fixture
async def site(tmp_path: Path, store_url: DatabaseUrl) -> AsyncIterator[Here]:
    async with here(tmp_path / "state", database=store_url) as started:
        yield started


def now(site: Here) -> int:
    return site.services.clock() // 10**9


def standard(secret: str, message: str, seconds: int, body: bytes) -> dict[str, str]:
    signature = Webhook(secret).sign(message, datetime.fromtimestamp(seconds, UTC), body.decode())
    return {"webhook-id": message, "webhook-timestamp": str(seconds), "webhook-signature": signature}


def github(body: bytes, header: str = "X-Hub-Signature-256", prefix: str = "sha256=") -> dict[str, str]:
    return {header: prefix + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}


async def add(site: Here, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = await site.post("/hooks", {"name": "shop", **body})
    return made


async def post(site: Here, hook: dict[str, Any], body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await site.stranger.post(hook["path"], content=body, headers={"content-type": "application/json", **headers})


async def stored(site: Here) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await site.get("/events"))["events"]
    return found


async def test_a_signed_message_is_an_event_of_its_class_and_topic(site: Here) -> None:
    hook = await add(site, **{"class": "alert", "topic": "shop/order"})
    body = b'{"order": 7}'
    answer = await post(site, hook, body, standard(hook["secret"], "msg_1", now(site), body))
    assert answer.status_code == 200, answer.text
    [event] = await stored(site)
    assert answer.json() == {"event": event["id"], "duplicate": False}
    assert (event["class"], event["topic"], event["value"]) == ("alert", "shop/order", {"order": 7})
    assert (event["node"], event["source"]) == (site.services.mesh.node_id, "hook:shop")
    assert (await site.get(f"/traces/{event['id']}"))["event"]["node"]["name"] == "gateway"
    assert [alert["node_name"] for alert in site.services.fleet.alerts] == ["gateway"]
    assert hook["secret"] not in json.dumps(await site.get("/hooks"))


async def test_what_is_not_signed_by_the_secret_just_now_is_not_believed(site: Here) -> None:
    hook, body = await add(site), b"1"
    other = (await add(site, name="other"))["secret"]
    sound = standard(hook["secret"], "m", now(site), body)
    wrong = [
        {},
        {**sound, "webhook-id": "n"},
        {**sound, "webhook-timestamp": str(now(site) - 1)},
        {**sound, "webhook-signature": "v1,AAAA"},
        {**sound, "webhook-signature": "v2" + sound["webhook-signature"][2:]},
        {**sound, "webhook-timestamp": "x"},
        standard(other, "m", now(site), body),
        standard(hook["secret"], "m", now(site) - 301, body),
        standard(hook["secret"], "m", now(site) + 310, body),
    ]
    for headers in wrong:
        answer = await post(site, hook, body, headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), headers
    assert (await post(site, hook, b"2", sound)).status_code == 401
    assert (await post(site, {"path": "/hooks/hk_0"}, body, sound)).status_code == 404
    assert await stored(site) == []
    long = await post(site, hook, body, {**sound, "webhook-id": "m" * 300})
    assert (long.status_code, "webhook-id has 300 letters" in long.json()["detail"]) == (401, True)
    both = {**sound, "webhook-signature": f"v1,AAAA {sound['webhook-signature']}"}
    assert (await post(site, hook, body, both)).status_code == 200, "one of several signatures is enough"


async def test_a_replay_is_refused_also_after_a_restart_and_a_second_try_of_the_sender_is_not(
    tmp_path: Path, store_url: DatabaseUrl
) -> None:
    body = b'{"order": 7}'
    async with here(tmp_path / "state", database=store_url) as site:
        hook = await add(site)
        first = standard(hook["secret"], "msg_1", now(site) - 5, body)
        event = (await post(site, hook, body, first)).json()["event"]
        assert (await post(site, hook, body, first)).status_code == 409
    async with here(tmp_path / "state", database=store_url) as site:
        answer = await post(site, hook, body, first)
        assert (answer.status_code, "before" in answer.json()["detail"]) == (409, True)
        retried = await post(site, hook, body, standard(hook["secret"], "msg_1", now(site), body))
        assert (retried.status_code, retried.json()) == (200, {"event": event, "duplicate": True})
        other = await post(site, hook, b"8", standard(hook["secret"], "msg_1", now(site), b"8"))
        assert other.status_code == 409, "an id names one message"
        assert [each["id"] for each in await stored(site)] == [event]


@pytest.mark.parametrize(("header", "prefix"), [("X-Hub-Signature-256", "sha256="), ("X-Mova-Signature", "")])
async def test_a_body_that_github_or_mova_signs_is_taken_once(site: Here, header: str, prefix: str) -> None:
    hook = await add(site, scheme="hmac", header=header, secret=SECRET)
    body = b'{"action": "opened"}'
    assert (await post(site, hook, body, github(b"{}", header, prefix))).status_code == 401
    assert (await post(site, hook, body, {})).status_code == 401
    assert (await post(site, hook, body, github(body, header, prefix))).status_code == 200
    assert (await post(site, hook, body, github(body, header, prefix))).status_code == 409
    late = {**github(b"2", header, prefix), "x-mova-timestamp": str(now(site) - 1000)}
    assert (await post(site, hook, b"2", late)).status_code == 401


async def test_what_is_too_large_too_often_or_no_json_is_refused(site: Here) -> None:
    hook = await add(site, scheme="hmac", secret=SECRET, rate=2)
    large = b'"' + b"x" * 70_000 + b'"'
    assert (await post(site, hook, large, github(large))).status_code == 413
    small = await add(site, scheme="hmac", secret=SECRET, node="fridge")
    assert (await post(site, small, large[20_000:], github(large[20_000:]))).status_code == 413
    for body, status in ((b"{", 422), (b"1", 200), (b"2", 429)):
        answer = await post(site, hook, body, github(body))
        assert answer.status_code == status, answer.text
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert (await post(site, hook, b"1", github(b"1"))).status_code == 409, "a replay takes nothing of the rate"


async def test_what_no_hook_can_be_is_said(site: Here) -> None:
    for wrong in (
        {"name": "x", "topic": "a/#"},
        {"name": "x", "class": "episode"},
        {"name": "x", "secret": "whsec_short"},
        {"name": "x", "scheme": "hmac", "secret": "short"},
        {"name": "x", "rate": 0},
    ):
        assert (await site.http.post("/api/v1/hooks", json=wrong)).status_code == 422, wrong
    nobody = await site.post("/hooks", {"name": "x", "node": "nosuch"})
    assert "no node is called 'nosuch'" in nobody["fault"], "it may come yet, but nobody would notice a wrong name"
    assert [each["fault"] == nobody["fault"] for each in (await site.get("/hooks"))["hooks"]] == [True]
    await site.http.delete(f"/api/v1/hooks/{nobody['id']}")
    hook = await add(site)
    assert (await site.http.delete(f"/api/v1/hooks/{hook['id']}")).status_code == 204
    assert (await post(site, hook, b"1", standard(hook["secret"], "m", now(site), b"1"))).status_code == 404
    assert [each["action"] for each in (await site.get("/audit"))["entries"]][:2] == ["hook.delete", "hook.create"]
    assert (await site.stranger.get("/api/v1/hooks")).status_code == 401, "only what is signed is public"


CONFIG = """
[node]
name = "hall"
scripts = ["hall.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
"""
SCRIPT = """
version: "2.2"
dialect: edge/1
name: hall
triggers: [{id: ordered, event: from/gateway/shop/order, run: main}]
protocols:
  - {name: main, steps: [{id: note, action: publish, topic: note/heard, value: "{event.value.order}"}]}
"""


async def test_a_script_hears_a_hook_as_an_event_of_the_gateway_whichever_took_it(tmp_path: Path) -> None:
    async with nats_broker(tmp_path / "nats") as broker, here(tmp_path / "state", broker.url) as site:
        (tmp_path / "hall").mkdir()
        (tmp_path / "hall" / "hall.yaml").write_text(SCRIPT)
        (tmp_path / "hall" / "enrol.key").write_text((await site.post("/enrol-keys", {}))["key"])
        hook = await add(site, topic="shop/order", node="hall", scheme="hmac", secret=SECRET)
        body = b'{"order": 7}'
        taken = await post(site, hook, body, github(body))
        assert taken.status_code == 200, taken.text
        services = site.services
        other = Hooks(services.database, services.hooks._intake, node="a" * 26, clock=services.clock)
        row = await hooks.find(services.database, hook["id"])
        assert row is not None
        await other.take(row, httpx.Headers(github(b"8")), b"8", lambda: {"order": 8})

        async def notes() -> list[Any]:
            return [note["value"] for note in (await site.get("/events", **{"class": "note"}))["events"]]

        async def both() -> bool:
            return len(await notes()) == 2

        async with node(tmp_path / "hall", CONFIG.format(broker=broker.url)) as hall:
            await hall.ready()
            await until_answered(both, what="what the script has made of them")
            assert await notes() == [8, 7]
        lines = (await site.get(f"/traces/{taken.json()['event']}"))["lines"]
        assert lines[-1]["stage"] == "node"


async def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    asked = {"name": "shop", "scheme": "hmac", "secret": SECRET}
    async with process(tmp_path / "state") as gateway:
        hook = (await gateway.http.post("/api/v1/hooks", json=asked)).json()
        taken = await gateway.http.post(hook["path"], content=b"7", headers=github(b"7"))
        assert taken.status_code == 200, taken.text
        await gateway.end(signal.SIGKILL)
    async with process(tmp_path / "state") as gateway:
        [event] = (await gateway.http.get("/api/v1/events")).json()["events"]
        assert (event["id"], event["value"]) == (taken.json()["event"], 7)
        again = await gateway.http.post(hook["path"], content=b"7", headers=github(b"7"))
        assert again.status_code == 409


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_two_secrets_are_believed_for_a_while_after_a_rotation(site: Here) -> None:
    hook, plain = await add(site), await add(site, name="git", scheme="hmac", secret=SECRET)
    turned = await site.post(f"/hooks/{hook['id']}/rotate", {"keep": "1h"})
    assert turned["secret"] != hook["secret"]
    assert turned["former_until"] > site.services.clock()
    for number, secret in enumerate((hook["secret"], turned["secret"])):
        answer = await post(site, hook, b"1", standard(secret, f"m{number}", now(site), b"1"))
        assert answer.status_code == 200, answer.text
    again = await site.post(f"/hooks/{hook['id']}/rotate", {"keep": "0s"})
    for secret, status in ((turned["secret"], 401), (again["secret"], 200)):
        answer = await post(site, hook, b"2", standard(secret, f"n{status}", now(site), b"2"))
        assert answer.status_code == status

    other = "another secret!!"
    await site.post(f"/hooks/{plain['id']}/rotate", {"keep": "1h", "secret": other})
    assert (await post(site, plain, b"3", github(b"3"))).status_code == 200
    signed = hmac.new(other.encode(), b"4", hashlib.sha256).hexdigest()
    assert (await post(site, plain, b"4", {"X-Hub-Signature-256": signed})).status_code == 200
    row = await hooks.find(site.services.database, plain["id"])
    assert row is not None
    site.services.hooks._clock = lambda: int(row["former_until"])  # an hour later
    assert (await post(site, plain, b"5", github(b"5"))).status_code == 401

    assert (await site.http.post("/api/v1/hooks/hk_nobody/rotate", json={})).status_code == 404
    assert (await site.http.post(f"/api/v1/hooks/{plain['id']}/rotate", json={"secret": "short"})).status_code == 422
    assert (await site.http.post(f"/api/v1/hooks/{plain['id']}/rotate", json={"keep": "31d"})).status_code == 422
    actions = [entry["action"] for entry in (await site.get("/audit"))["entries"]]
    assert actions.count("hook.rotate") == 3
    assert not {SECRET, other, again["secret"]} & set(str(await site.get("/hooks")).split("'"))


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_hooks_come_in_pages(site: Here) -> None:
    made = [(await add(site, name=f"h{i}"))["id"] for i in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await site.get("/hooks", limit=2, **cursor)
        seen += [hook["id"] for hook in page["hooks"]]
        assert len(page["hooks"]) <= 2
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == made

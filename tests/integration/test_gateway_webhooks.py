# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks as their operator has them: tried, their secrets replaced, dead letters looked at and sent again."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from ganglion.units import MILLISECOND, SECOND
from ganglion_gateway.store import webhooks
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.webhook.schedule import Policy
from ganglion_gateway.webhook.signature import new_secret
from support.gateway import Here, happen, here
from support.receiver import Answer, Receiver, receiver
from support.waiting import until, until_answered

NODE = "n" * 26
FAST = Policy(first=MILLISECOND, longest=2 * MILLISECOND, rest=MILLISECOND, attempts=2, breaker=1000)


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver(new_secret()) as listening:
        yield listening


@pytest.fixture
async def site(tmp_path: Path, store_url: DatabaseUrl) -> AsyncIterator[Here]:
    async with here(tmp_path / "state", policy=FAST, database=store_url) as started:
        yield started


async def add(site: Here, hook: Receiver, **more: Any) -> str:
    body = {"url": hook.url, "secret": hook.secret, "allow_http": True, "allow_private": True, **more}
    return str((await site.post("/webhooks", body))["id"])


async def dead(site: Here, count: int) -> list[dict[str, Any]]:
    """The dead letters, oldest first, once there are so many."""

    async def there() -> bool:
        return len((await site.get("/dlq"))["messages"]) == count

    await until_answered(there, what=f"{count} dead letters")
    found: list[dict[str, Any]] = (await site.get("/dlq"))["messages"]
    return found[::-1]


def ids(*seqs: int) -> list[str]:
    return [f"{NODE}-1-{seq}" for seq in seqs]


async def actions(site: Here) -> list[str]:
    return [entry["action"] for entry in (await site.get("/audit"))["entries"]]


async def test_a_receiver_of_mova_can_verify_what_it_gets(site: Here, hook: Receiver) -> None:
    await add(site, hook)
    await happen(site, 1)
    await until(lambda: len(hook.attempts) == 1, what="a delivery")
    headers = hook.attempts[0].headers
    wanted = hmac.new(hook.secret.encode(), hook.attempts[0].body, hashlib.sha256).hexdigest()
    assert headers["x-mova-signature"] == wanted
    assert headers["x-mova-event"] == "ganglion.event.alert"
    assert headers["x-mova-timestamp"] == headers["webhook-timestamp"]


async def test_dead_letters_are_delivered_in_their_order_when_they_are_replayed(site: Here, hook: Receiver) -> None:
    endpoint = await add(site, hook)
    hook.answers.extend([Answer(500)] * 6)
    await happen(site, 1, 2, 3)
    letters = await dead(site, 3)
    assert [letter["event"] for letter in letters] == ids(1, 2, 3)
    assert letters[0]["last_attempt"]["error"] == "HTTP status 500"
    first = letters[0]["message"]
    assert [each["status"] for each in (await site.get(f"/dlq/{first}"))["attempted"]] == [500, 500]

    assert await site.post(f"/dlq/{letters[1]['message']}/replay", {}) == {"replayed": 1}
    await until(lambda: hook.taken == ids(2), what="the second one")
    assert await site.post(f"/dlq/replay?webhook={endpoint}", {}) == {"replayed": 2}
    await until(lambda: hook.taken == ids(2, 1, 3), what="the others, in order")
    assert hook.attempts[-2].message == first, "a receiver can tell that it is the same message"
    assert await site.get("/dlq") == {"messages": [], "next": None}
    assert (await actions(site))[:2] == ["dlq.replay", "dlq.replay"]
    again = await site.http.post(f"/api/v1/dlq/{first}/replay")
    assert again.status_code == 404, "it is not dead any more"


async def test_a_message_is_shown_with_every_attempt_and_an_endpoint_with_why_the_last_failed(
    site: Here, hook: Receiver
) -> None:
    endpoint = await add(site, hook)
    hook.answers.append(Answer(503))
    await happen(site, 1)
    await until(lambda: len(hook.attempts) == 2, what="the second attempt")

    async def delivered() -> bool:
        return (await site.get(f"/webhooks/{endpoint}"))["messages"] == {"delivered": 1}

    await until_answered(delivered, what="the delivery written down")
    (message,) = (await site.get(f"/webhooks/{endpoint}/messages"))["messages"]
    found = await site.get(f"/webhooks/{endpoint}/messages/{message['message']}")
    assert [each["status"] for each in found["attempted"]] == [503, 204]
    assert (found["topic"], found["class"], found["value"], found["node"]) == ("alert/x", "alert", 1, NODE)
    assert (await site.http.get(f"/api/v1/webhooks/{endpoint}/messages/msg_none")).status_code == 404
    assert (await site.get(f"/webhooks/{endpoint}"))["state"]["error"] == ""
    hook.answers.extend([Answer(500)] * 2)
    await happen(site, 2)
    await dead(site, 1)
    assert (await site.get(f"/webhooks/{endpoint}"))["state"]["error"] == "HTTP status 500"


async def test_dead_letters_are_thrown_away_one_by_one_or_all(site: Here, hook: Receiver) -> None:
    endpoint = await add(site, hook)
    hook.answers.extend([Answer(500)] * 6)
    await happen(site, 1, 2, 3)
    letters = await dead(site, 3)
    assert await site.post(f"/dlq/{letters[0]['message']}/drop", {}) == {"dropped": 1}
    assert await site.post(f"/dlq/drop?webhook={endpoint}", {}) == {"dropped": 2}
    assert (await site.get("/dlq"))["messages"] == []
    assert (await site.http.post("/api/v1/dlq/drop?webhook=wh_nobody")).status_code == 404
    await happen(site, 4)
    await until(lambda: hook.taken == ids(4), what="what comes later")


async def test_two_secrets_sign_for_a_while_after_a_rotation(site: Here, hook: Receiver) -> None:
    endpoint = await add(site, hook)
    turned = await site.post(f"/webhooks/{endpoint}/rotate", {"keep": "1h"})
    assert turned["secret"] != hook.secret
    await happen(site, 1)
    await until(lambda: len(hook.attempts) == 1, what="a delivery that the old secret verifies")
    attempt = hook.attempts[0]
    assert Webhook(turned["secret"]).verify(attempt.body, attempt.headers)
    assert hook.secret not in str(await site.get(f"/webhooks/{endpoint}")), "no secret is shown again"

    await site.post(f"/webhooks/{endpoint}/rotate", {"keep": "0s"})
    await happen(site, 2)
    await until(lambda: hook.forged >= 1, what="a delivery that the old secret does not verify")


async def test_a_test_is_one_attempt_that_leaves_nothing_behind(site: Here, hook: Receiver) -> None:
    endpoint = await add(site, hook)
    told = await site.post(f"/webhooks/{endpoint}/test", {})
    assert (told["delivered"], told["status"], told["error"]) == (True, 204, "")
    assert hook.attempts[0].event["type"] == "ganglion.event.test"
    hook.answers.append(Answer(503))
    told = await site.post(f"/webhooks/{endpoint}/test", {})
    assert (told["delivered"], told["status"], told["error"]) == (False, 503, "HTTP status 503")
    assert (await site.get(f"/webhooks/{endpoint}/messages"))["messages"] == []
    assert "webhook.test" in await actions(site)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_lane_that_is_cancelled_while_it_writes_writes_each_attempt_once(
    site: Here, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go, record = asyncio.Event(), asyncio.Event(), webhooks.record

    async def slow(connection: AsyncConnection, attempts: Any, changes: Any) -> None:
        writing.set()
        await go.wait()
        await record(connection, attempts, changes)

    monkeypatch.setattr(webhooks, "record", slow)
    endpoint = await add(site, hook)
    await happen(site, 1)
    async with asyncio.timeout(60):
        await writing.wait()
    (lane,) = (task for task in asyncio.all_tasks() if task.get_name() == f"webhook {endpoint}")
    lane.cancel()
    await asyncio.sleep(0)
    go.set()
    await asyncio.wait([lane], timeout=60)
    (message,) = (await site.get(f"/webhooks/{endpoint}/messages"))["messages"]
    found = await site.get(f"/webhooks/{endpoint}/messages/{message['message']}")
    assert (message["state"], len(found["attempted"])) == ("delivered", 1)


async def circuit(site: Here, endpoint: str) -> Any:
    state = (await site.get(f"/webhooks/{endpoint}"))["state"]
    return state and state["circuit"]


async def test_what_happens_during_a_pause_is_delivered_afterwards_in_order(site: Here, hook: Receiver) -> None:
    endpoint = await add(site, hook)
    assert (await patch(site, endpoint, {"paused": True})).json()["paused"] is True
    assert await circuit(site, endpoint) is None, "nothing is delivered to it"
    await happen(site, 1, 2)
    await happen(site, 3)
    assert (await site.get(f"/webhooks/{endpoint}"))["messages"] == {"pending": 3}
    await patch(site, endpoint, {"paused": False})
    await until(lambda: hook.taken == ids(1, 2, 3), what="what waited")
    assert await circuit(site, endpoint) == "closed"
    assert (await actions(site))[:2] == ["webhook.resume", "webhook.pause"]
    await patch(site, endpoint, {"paused": False})
    assert (await actions(site))[0] == "webhook.resume", "what changes nothing is no news"


async def patch(site: Here, endpoint: str, body: dict[str, Any]) -> Any:
    return await site.http.patch(f"/api/v1/webhooks/{endpoint}", json=body)


async def test_what_waits_for_a_wrong_url_goes_to_the_right_one_at_once(tmp_path: Path, hook: Receiver) -> None:
    slow = Policy(first=3600 * SECOND, longest=7200 * SECOND, breaker=1)
    async with here(tmp_path / "state", policy=slow) as site:
        endpoint = await add(site, hook, url="http://127.0.0.1:1/nobody")
        await happen(site, 1)

        async def is_open() -> bool:
            return bool(await circuit(site, endpoint) == "open")

        await until_answered(is_open, what="it is thought to be away")
        await happen(site, 2)
        head = (await site.get(f"/webhooks/{endpoint}"))["head"]
        assert (head["event"], head["attempts"], bool(head["error"])) == (ids(1)[0], 1, True)
        assert head["due"] > head["created"]
        made = await patch(site, endpoint, {"url": hook.url, "classes": ["alert", "note", "alert"], "name": "office"})
        assert (made.json()["classes"], made.json()["name"]) == (["alert", "note"], "office")
        await until(lambda: hook.taken == ids(1, 2), what="what waited, at the right one")

        async def is_empty() -> bool:
            return (await site.get(f"/webhooks/{endpoint}"))["head"] is None

        await until_answered(is_empty, what="nothing waits")
        entry = (await site.get("/audit"))["entries"][0]
        assert (entry["action"], entry["target"]) == ("webhook.edit", endpoint)
        assert entry["detail"] == {"url": hook.url, "classes": ["alert", "note"], "name": "office"}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_a_webhook_cannot_be_changed_to_is_refused(site: Here, hook: Receiver) -> None:
    endpoint = await add(site, hook)
    wrong: list[dict[str, Any]] = [{}, {"classes": []}, {"url": "ftp://x"}, {"allow_http": False}, {"secret": "x"}]
    wrong.append({"allow_private": False})
    for body in wrong:
        assert (await patch(site, endpoint, body)).status_code == 422, body
    assert (await patch(site, "wh_nobody", {"name": "x"})).status_code == 404
    assert (await patch(site, endpoint, {"enabled": False})).json()["state"] is None
    await happen(site, 1)
    await patch(site, endpoint, {"enabled": True})
    await happen(site, 2)
    await until(lambda: hook.taken == ids(2), what="what was for it alone")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_an_endpoint_that_nobody_can_deliver_to_is_shown_so_and_can_be_mended(site: Here, hook: Receiver) -> None:
    bad, other = await add(site, hook), await add(site, hook)

    async def store(connection: AsyncConnection) -> None:
        for endpoint in (bad, other):  # as gateways of before have let it in
            await webhooks.change(connection, endpoint, {"url": "https://hook.example\\b/"})

    with capture_logs() as logged:
        await site.services.database.write(store)
        site.services.courier.reload()
        await add(site, hook)

        async def is_shown() -> bool:
            return "bad hostname" in (await site.get(f"/webhooks/{bad}"))["state"]["error"]

        await until_answered(is_shown, what="why nothing is delivered to it")
        await add(site, hook, classes=["note"])
    left_out = [entry["endpoint"] for entry in logged if entry["event"] == "webhook endpoint left out"]
    assert sorted(left_out) == sorted([bad, other]), "each once, not at each look"
    await happen(site, 1)
    await until(lambda: hook.taken == ids(1), what="the one beside them")
    assert (await site.http.post(f"/api/v1/webhooks/{bad}/test")).status_code == 422
    assert (await site.http.delete(f"/api/v1/webhooks/{other}")).status_code == 204
    assert (await patch(site, bad, {"url": hook.url})).json()["state"]["error"] == ""
    await until(lambda: hook.taken == ids(1, 1), what="what has waited")
    assert not site.gateway.ended.done()

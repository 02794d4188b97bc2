# SPDX-License-Identifier: GPL-3.0-or-later
"""What the channels of `/ws` say: what is stored, once, in order, to all who follow it, at each of two gateways."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection

from ganglion.mesh.member import Peer, Received
from ganglion.units import SECOND
from ganglion_gateway.backup.making import make
from ganglion_gateway.backup.restoring import restore_keys
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.stream.channels import CHANNELS
from ganglion_gateway.webhook.signature import new_secret
from ganglion_micro import gl1
from support.followed import Socket, ask, followed, read, told
from support.gateway import Here, happen, here
from support.mesh import NOW
from support.postgres import PostgresServer
from support.receiver import receiver
from support.released import GOOD, create
from support.rollout_crew import Crew
from support.waiting import until_answered

FRIDGE = "f" * 26


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Socket]:
    async with here(tmp_path / "state") as inner, followed(inner) as socket:
        known(inner)
        yield socket


def known(site: Here) -> None:
    """The gateway has heard of a node, which is away."""
    row = {"id": FRIDGE, "name": "fridge", "board": "", "sw": "", "epoch": 1, "caps": {}, "tags": []}
    row |= {"credential_expires": 0, "online": False, "first_seen": 1, "last_seen": 1, "died": None}
    site.services.fleet.born(row, present=False, now=5)


async def logs(site: Here, seq: int, *texts: str) -> None:
    """The node has sent what it logged."""
    records = [[NOW + i * SECOND, 40, "ganglion.x", text] for i, text in enumerate(texts)]
    body = {"class": "log", "topic": "log", "records": records, "lost": 0, "timestamp": NOW}
    received = Received(gl1.EVENT, FRIDGE, None, body, 1, seq, NOW)
    intake = site.services.hooks._intake  # which the mesh goes in by, too
    await intake.events([received])


async def run_job(site: Here) -> str:
    """A job at a node that is away, begun and cancelled."""
    made = await site.post("/jobs", {"selector": "fridge", "method": "dose", "params": {"ml": 3}})
    await site.post(f"/jobs/{made['id']}/cancel", {})
    return str(made["id"])


async def of_job(client: ClientConnection) -> list[dict[str, Any]]:
    """What is told of a job, until it is over."""
    found = []
    while not found or found[-1].get("job", {}).get("state") != "cancelled":
        found.append((await told(client))["data"])
    return found


def of_nodes(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was told of single nodes."""
    return [each["node"] for each in said if "node" in each]


async def test_two_clients_are_told_of_a_job_and_what_became_of_it(site: Socket) -> None:
    async with site.follow("jobs/#") as one, site.follow("jobs/+", "logs/#", cbor=True) as other:
        job = await run_job(site.here)
        said, same = await of_job(one), await of_job(other)
    assert said == same
    assert [each["id"] for each in said] == [job] * len(said)
    assert said[0]["job"]["names"] == ["ml"]
    assert "params" not in said[0]["job"], "they may hold a password"
    (node,) = of_nodes(said)
    assert (node["node"], node["name"], node["state"]) == (FRIDGE, "fridge", "cancelled")
    assert said[-1]["job"] == await site.here.get(f"/jobs/{job}")


async def test_lines_of_logs_are_told_once_and_after_a_break_from_where_it_was(site: Socket) -> None:
    async with site.follow("logs/fridge") as one, site.follow("logs/+") as other:
        await logs(site.here, 1, "the pump is dry")
        first = await told(one)
        assert await told(other) == first
        assert first["channel"] == "logs/fridge"
        kept = (await site.here.get("/logs", node="fridge"))["records"]
        assert [first["data"]] == kept
    await logs(site.here, 1, "the pump is dry")  # it comes again out of a spool
    await logs(site.here, 2, "still dry", "and hot")
    async with site.follow("logs/fridge", after=first["token"]) as one:
        assert [(await told(one))["data"]["text"] for _ in range(2)] == ["still dry", "and hot"]


async def test_nothing_of_before_is_told_as_news(site: Socket) -> None:
    await logs(site.here, 1, "long ago")
    job = await run_job(site.here)

    async def over() -> bool:
        return (await site.here.get(f"/jobs/{job}"))["ended"] is not None

    await until_answered(over, what="the job is over")
    async with site.follow("logs/#") as client:
        await logs(site.here, 2, "now")
        assert (await told(client))["data"]["text"] == "now"


async def test_who_may_not_read_follows_nothing(site: Socket) -> None:
    made = await site.here.post("/api-keys", {"name": "m", "scopes": ["metrics"]})
    async with site.connect(token=made["token"]) as client:
        may = {name: channel["may"] for name, channel in (await read(client))["channels"].items()}
        assert may == dict.fromkeys(CHANNELS, False)
        for channel in CHANNELS:
            answer = await ask(client, {"type": "subscribe", "channels": [f"{channel}/#"]})
            assert (answer["type"], CHANNELS[channel].scope in answer["detail"]) == ("error", True)


async def test_a_command_that_waits_and_what_is_decided_is_told(site: Socket) -> None:
    peer = cast(Peer, SimpleNamespace(node_id="c" * 26, name="cellar"))
    asked = {"nonce": "n", "actuator": "lock", "value": True, "owner": "watch", "run": "r", "why": "because"}
    async with site.follow("consents/cellar") as client:
        await site.here.services.consents.answer({**asked, "wait": 600 * SECOND, "hold": 0}, peer)
        first = (await told(client))["data"]
        assert [first] == (await site.here.get("/consents"))["consents"]
        await site.here.post(f"/consents/{first['id']}/grant", {})
        assert (await told(client))["data"] == {**first, "state": "granted", "by": "admin"}


async def test_attempts_to_deliver_are_told_to_those_who_may_see_webhooks(site: Socket) -> None:
    viewer = await site.here.post("/api-keys", {"name": "screen", "scopes": ["read"]})
    async with receiver(new_secret()) as hook, site.follow("webhooks/+") as client:
        body = {"url": hook.url, "secret": hook.secret, "allow_http": True, "allow_private": True}
        endpoint = (await site.here.post("/webhooks", body))["id"]
        async with site.follow("#", token=viewer["token"]) as other:
            await happen(site.here, 1)
            message = await told(client)
            (kept,) = (await site.here.get(f"/webhooks/{endpoint}/messages"))["messages"]
            await logs(site.here, 1, "what a viewer sees")
            seen = [""]
            while seen[-1] != "logs/fridge":
                seen.append((await told(other))["channel"])
            assert f"webhooks/{endpoint}" not in seen
    assert message["channel"] == f"webhooks/{endpoint}"
    assert (message["data"]["state"], message["data"]["status"]) == ("delivered", 204)
    assert message["data"]["message"] == kept["message"]


async def test_releases_and_what_nodes_say_of_them_are_told(site: Socket) -> None:
    crew = Crew(site.here, 1, breaks=lambda name, release: release is not None)
    async with site.follow("releases/#") as client, site.follow("releases/+/n0", cbor=True) as of_node:
        release = await create(site.here, "door", {"door.yaml": GOOD.format(name="door")})
        made = await told(client)
        signed = await site.here.get(f"/releases/{release}")
        assert made["channel"] == f"releases/{release}"
        assert made["data"] == {"id": release, "release": {name: signed[name] for name in signed if name != "signed"}}
        async with crew.working():
            for wanted, last in ((release, "reverted"), (None, "committed")):
                answer = await site.here.http.put("/api/v1/nodes/n0/release", json={"release": wanted})
                assert answer.status_code == 200, answer.text
                state = ""
                while state != last:
                    message = await told(of_node)
                    assert (message["channel"], message["data"]["id"]) == (f"releases/{wanted or 'own'}/n0", wanted)
                    state = message["data"]["node"]["state"]
                    same = await told(client)
                    assert (same["token"], same["data"]) == (message["token"], message["data"])
                assert message["data"]["node"]["why"] == ("" if wanted is None else "no sensors")


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[DatabaseUrl]:
    made = postgres.database(migrated=True)
    yield made
    postgres.drop(made)


async def test_a_client_of_each_of_two_gateways_is_told_the_same(url: DatabaseUrl, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(here(tmp_path / "one", database=url))
        await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
        restore_keys(tmp_path / "backup", tmp_path / "other", passphrase=None)
        other = await stack.enter_async_context(here(tmp_path / "other", database=url, name="b"))
        known(one)
        known(other)
        sockets = [await stack.enter_async_context(followed(each)) for each in (one, other)]
        clients = [await stack.enter_async_context(each.follow("jobs/#")) for each in sockets]
        assert one.services.leases.holds("jobs") != other.services.leases.holds("jobs")
        job = await run_job(other)
        said, same = [await of_job(client) for client in clients]
        assert (said[-1], said[-1]["id"]) == (same[-1], job)
        assert of_nodes(said) == of_nodes(same) != []

        clients = [await stack.enter_async_context(each.follow("logs/#", "rollouts/#")) for each in sockets]
        await logs(one, 1, "the pump is dry")
        await logs(other, 1, "the pump is dry")  # both hear the mesh
        await logs(other, 2, "still dry")
        for client in clients:
            assert [(await told(client))["data"]["text"] for _ in range(2)] == ["the pump is dry", "still dry"]

        Crew(one, 2)
        await create(one, "door", {"door.yaml": GOOD.format(name="door")})
        rollout = {"release": "door", "id": "spring", "selector": "tag=all", "stages": ["100%"], "soak": "0s"}
        await one.post("/rollouts", rollout)
        for client in clients:
            message = await told(client)
            assert (message["channel"], message["data"]["what"]) == ("rollouts/spring", "stage")

        clients = [await stack.enter_async_context(each.follow("releases/+/n0")) for each in sockets]
        Crew(other, 2)
        async with Crew(one, 2).working():
            for client in clients:
                state = ""
                while state != "committed":
                    state = (await told(client))["data"]["node"]["state"]

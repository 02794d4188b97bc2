# SPDX-License-Identifier: GPL-3.0-or-later
"""Two gateways beside one PostgreSQL and a cluster of three brokers: one is killed, and the other one goes on."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from ganglion.errors import UnreachableError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.backup.making import make
from ganglion_gateway.backup.restoring import restore_keys
from ganglion_gateway.settings import WebhookSettings
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.store.webhooks import lease_of
from ganglion_gateway.webhook.signature import new_secret
from support.brokers import Cluster, nats_broker
from support.gateway import Here, here, start
from support.mesh import enrolled, running
from support.postgres import PostgresServer
from support.receiver import receiver
from support.released import GOOD, create
from support.waiting import until, until_answered

EVENTS = 300


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[DatabaseUrl]:
    made = postgres.database(migrated=True)
    yield made
    postgres.drop(made)


def leaders(postgres: PostgresServer, url: DatabaseUrl) -> set[int]:
    """Process ids of who holds a lease."""
    rows = postgres.sql("SELECT holder FROM leases WHERE holder <> ''", url.parameters["dbname"])
    return {int(str(holder).split(":")[1]) for (holder,) in rows}


async def test_what_one_was_doing_the_other_goes_on_with(
    cluster: Cluster, postgres: PostgresServer, url: DatabaseUrl, tmp_path: Path
) -> None:
    first, second, third = cluster.url
    async with receiver(new_secret()) as hook:
        (tmp_path / "webhook-secret").write_text(hook.secret)
        words = ["--webhook", hook.url, "--webhook-secret-file", str(tmp_path / "webhook-secret")]
        words += ["--allow-private-webhooks", "--database", postgres.url(url.parameters["dbname"])]
        one = await start(tmp_path / "one", first, "--broker", second, *words)
        try:
            await until(lambda: leaders(postgres, url) == {one.pid}, what="the first leads")
            await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
            restore_keys(tmp_path / "backup", tmp_path / "other", passphrase=None)
            webhook = WebhookSettings(url=hook.url, secret_file=tmp_path / "webhook-secret", allow_private=True)
            brokers = (second, third)
            async with here(tmp_path / "other", brokers, name="gateway-b", database=url, webhook=webhook) as other:
                assert other.gateway.mesh_id == one.ready["mesh"]
                leases, endpoint = other.services.leases, lease_of("command-line")
                key = (await other.post("/enrol-keys", {}))["key"]
                node = MeshClient(
                    transport=MqttTransport([third, first]), state=tmp_path / "node", name="fridge", enrol_key=key
                )
                stored: list[str] = []
                node.on_stored = stored.append
                async with running(node):
                    await enrolled(node)
                    sent = []
                    for i in range(EVENTS):
                        sent.append(alert(node, i))
                        await asyncio.sleep(0.002)
                        if i == EVENTS // 3:
                            await until(lambda: hook.taken, what="the first webhooks")
                            assert not leases.holds(endpoint), "who has it keeps it"
                            await one.end(signal.SIGKILL)
                    await until(lambda: leases.holds(endpoint), within=60, what="the other leads")
                    await until(lambda: {*hook.taken} == {*sent}, within=60, what="each of them delivered")
                    await until(lambda: {*stored} == {*sent}, within=60, what="each of them acknowledged")
                await until_answered(lambda: settled(postgres, url), within=60, what="the outbox written")
                assert [node["name"] for node in (await other.get("/nodes"))["nodes"]] == ["fridge"]
            assert list(dict.fromkeys(hook.taken)) == sent, "in order"
            assert len(hook.taken) - len(sent) <= 512, "no more than what was under way is sent twice"
            messages = {attempt.event["id"]: attempt.message for attempt in hook.attempts}
            assert all(messages[attempt.event["id"]] == attempt.message for attempt in hook.attempts)
            name = url.parameters["dbname"]
            assert postgres.sql("SELECT count(*), count(DISTINCT id) FROM events WHERE cls = 'alert'", name) == [
                (EVENTS, EVENTS)
            ]
        finally:
            await one.end(signal.SIGKILL)


async def settled(postgres: PostgresServer, url: DatabaseUrl) -> bool:
    """Whether the outbox has it written that all is delivered."""
    return postgres.sql("SELECT DISTINCT state FROM outbox", url.parameters["dbname"]) == [("delivered",)]


def gateway_of(node: MeshClient) -> str:
    """The node id of the gateway that it would ask."""
    return "" if node.member.gateway is None else node.member.gateway.node_id


def knows(site: Here, node: str) -> bool:
    """Whether a gateway shows that a node waits."""
    return node in {asking.node_id for asking in site.services.approvals.all}


def alert(node: MeshClient, value: int) -> str:
    return node.publish_event("alert", {"topic": "alert/fridge", "value": value, "source": "t", "run": ""})


async def test_what_an_operator_says_to_one_holds_at_the_other(
    cluster: Cluster, url: DatabaseUrl, tmp_path: Path
) -> None:
    async with here(tmp_path / "one", cluster.url, database=url) as one:
        await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
        restore_keys(tmp_path / "backup", tmp_path / "other", passphrase=None)
        async with here(tmp_path / "other", cluster.url, database=url, name="b") as other:
            assert other.token == one.token
            await until(lambda: one.gateway.member.connected and other.gateway.member.connected, what="both connected")
            key = (await one.post("/enrol-keys", {}))["key"]
            node = MeshClient(
                transport=MqttTransport(cluster.url), state=tmp_path / "node", name="fridge", enrol_key=key
            )
            asks = MeshClient(
                transport=MqttTransport(cluster.url), state=tmp_path / "asks", name="oven", mesh=one.gateway.mesh_id
            )
            async with running(node), running(asks):
                await enrolled(node)

                async def seen() -> bool:
                    nodes = (await other.get("/nodes"))["nodes"]
                    return [each["online"] for each in nodes] == [True]

                await until_answered(seen, within=60, what="the other knows the node")
                with other.services.live.watch("fridge/alert/#", None) as watcher:
                    event = alert(node, 1)
                    heard = await watcher.next(within=60)
                    assert [each["value"] for each in heard] == [1]
                    alerts = [row["id"] for row in other.services.fleet.alerts]
                    assert alerts == [event], "once"
                await one.post("/groups", {"name": "hall", "nodes": ["fridge"], "tags": []})
                await until(lambda: "hall" in {group.name for group in other.services.groups.all}, what="the group")
                await until(lambda: asks.statistics().pending, within=60, what="a node that waits")
                waiting = asks.identity.node_id
                await until(lambda: knows(one, waiting) and knows(other, waiting), what="both know that it waits")
                await other.post(f"/pending/{waiting}/approve", {})
                await enrolled(asks)
                await until(lambda: not one.services.approvals.all, within=60, what="the first knows the decision")
                await one.post("/nodes/fridge/revoke", {"reason": "lost"})
                fridge = node.identity.node_id
                await until(lambda: other.services.fleet.nodes[fridge].revoked is not None, what="the other knows it")


async def test_a_node_asks_the_gateway_that_answers(tmp_path: Path) -> None:
    async with nats_broker(tmp_path / "broker") as broker, here(tmp_path / "one", broker.url) as one:
        await make(tmp_path / "one", DatabaseUrl.file(tmp_path / "one" / "gateway.db"), tmp_path / "b", passphrase=None)
        restore_keys(tmp_path / "b", tmp_path / "other", passphrase=None)
        key = (await one.post("/enrol-keys", {}))["key"]
        node = MeshClient(transport=MqttTransport(broker.url), state=tmp_path / "node", name="fridge", enrol_key=key)
        async with running(node):
            await enrolled(node)
            async with here(tmp_path / "other", broker.url) as other:
                last = other.gateway.member.node_id
                await until(lambda: gateway_of(node) == last, what="the last one born is known")
                assert await node.request("credential.renew", {}, timeout=60)
            with pytest.raises(UnreachableError):
                await node.request("credential.renew", {}, timeout=1)
            assert await node.request("credential.renew", {}, timeout=60), "the first one answers"
            assert gateway_of(node) == one.gateway.member.node_id


async def obey(node: MeshClient, ran: list[str]) -> None:
    """Runs what the gateway that answers says, and reports it, as a node does; `ran` gets what it has committed."""
    number = serial = 0
    while True:
        with suppress(UnreachableError):
            wanted = await node.request("release.desired", {}, timeout=2)
            if wanted.get("release") and wanted["number"] != number:
                for state in ("downloading", "staged", "trial", "healthy", "committed"):
                    serial += 1
                    said = {"number": wanted["number"], "release": wanted["release"], "state": state, "why": ""}
                    await node.request("release.report", {**said, "serial": serial, "at": time.time_ns()}, timeout=2)
                number = wanted["number"]
                ran.append(wanted["release"])
        await asyncio.sleep(0.1)


async def test_a_rollout_goes_on_when_who_runs_it_is_killed(
    postgres: PostgresServer, url: DatabaseUrl, tmp_path: Path
) -> None:
    async with nats_broker(tmp_path / "broker") as broker, AsyncExitStack() as stack:
        one = await start(tmp_path / "one", broker.url, "--database", postgres.url(url.parameters["dbname"]))
        stack.push_async_callback(one.end, signal.SIGKILL)
        await until(lambda: leaders(postgres, url) == {one.pid}, what="the first leads")
        await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
        restore_keys(tmp_path / "backup", tmp_path / "other", passphrase=None)
        other = await stack.enter_async_context(here(tmp_path / "other", broker.url, name="gateway-b", database=url))
        key = (await other.post("/enrol-keys", {"uses": 4, "tags": ["all"]}))["key"]
        ran: list[str] = []
        for i in range(4):
            node = MeshClient(
                transport=MqttTransport(broker.url),
                state=tmp_path / f"n{i}",
                name=f"n{i}",
                enrol_key=key,
                heartbeat=1,
                birth=lambda: {"sw": "ganglion/0.1.0", "board": "sim", "caps": {"sensors": {"t": {}}}},
            )
            await stack.enter_async_context(running(node))
            await enrolled(node)
            task = asyncio.create_task(obey(node, ran))
            stack.callback(task.cancel)
        release = await create(other, "door", {"door.yaml": GOOD.format(name="door")})

        async def all_there() -> bool:
            return [each["online"] for each in (await other.get("/nodes"))["nodes"]] == [True] * 4

        await until_answered(all_there, within=60, what="all are there")
        wanted = {"release": "door", "id": "spring", "selector": "tag=all", "stages": ["25%", "100%"], "soak": "3s"}
        await other.post("/rollouts", wanted)
        await until(lambda: ran, within=60, what="the first node has it")
        assert not other.services.leases.holds("rollouts")
        await one.end(signal.SIGKILL)

        async def over() -> bool:
            return bool((await other.get("/rollouts/spring"))["nodes"] == {"committed": 4})

        await until_answered(over, within=90, what="all have it")
        assert other.services.leases.holds("rollouts")
        assert ran == [release] * 4, "each took it once"
        notes = [each["what"] for each in (await other.get("/rollouts/spring/notes"))["notes"]]
        assert notes.count("stage") == 2, "no stage was begun twice"

# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of three brokers of which one is killed in the middle of a burst: nothing that must arrive is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh import courier
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.aiomqtt_transport import AiomqttTransport
from support.brokers import Cluster
from support.gateway import Here, here
from support.mesh import enrolled, running
from support.transports import Counted, Inbox
from support.transports import running as connected
from support.waiting import until, until_answered

EVENTS = 600


async def test_each_event_is_stored_once_though_a_broker_dies_in_the_middle(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "PATIENCE", 1.0)  # an election takes long enough
    first, second, third = cluster.url
    async with here(tmp_path / "state", cluster.url) as gateway:
        await until(lambda: gateway.gateway.member.connected, within=60, what="the gateway connected")
        key = (await gateway.post("/enrol-keys", {}))["key"]
        transport = MqttTransport([second, third, first], backoff=Counted())
        node = MeshClient(transport=transport, state=tmp_path / "node", name="fridge", enrol_key=key, heartbeat=0.2)

        async def ping(params: dict[str, Any], peer: object) -> str:
            return "pong"

        node.on_request("ping", ping)
        # The gateway's kind of transport, on the node that dies
        other, staying = AiomqttTransport([second, first], backoff=Counted()), MqttTransport(third, backoff=Counted())
        inbox = Inbox(other)
        other.subscribe("other", 1)
        async with running(node), connected(other, staying):
            await enrolled(node)
            await until(lambda: other.connected, within=60, what="the other transport connected")
            assert str(transport.url) == str(other.url) == second
            sent = []
            for i in range(EVENTS):
                sent.append(node.publish_event("alert", {"topic": "alert/x", "value": i, "timestamp": 1}))
                if i % 20 == 0:
                    await asyncio.sleep(0.001)
                if i == EVENTS // 2:
                    await cluster.nodes[1].kill()
            await until(
                lambda: node.statistics().delivery.acknowledged == EVENTS, within=90, what="all stored and acknowledged"
            )
            assert str(transport.url) in (first, third)

            async def heard() -> bool:
                staying.publish("other", b"again", qos=1)
                return bool(inbox.messages)

            await until_answered(heard, within=60, what="a message by way of another node")
            assert (str(other.url), set(inbox.payloads)) == (first, {b"again"})
            assert await _stored(gateway) == list(zip(sent, range(EVENTS), strict=True)), "each of them, and each once"
            assert await gateway.gateway.member.request("ping", {}, to="fridge", timeout=60) == "pong"


async def _stored(gateway: Here) -> list[tuple[str, Any]]:
    """Id and value of every event in the gateway's database, in the order in which they were signed."""
    rows: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": None}
    while not rows or page["next"]:
        page = await gateway.get("/events", limit=500, **({"cursor": page["next"]} if page["next"] else {}))
        rows += page["events"]
    return sorted(((row["id"], row["value"]) for row in rows), key=lambda row: int(row[0].rpartition("-")[2]))

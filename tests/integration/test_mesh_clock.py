# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose clock jumps a year, on real brokers: it takes commands, and what it says is marked (design: T12)."""

import time
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh.client import MeshClient
from ganglion.mesh.member import Peer
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.units import SECOND
from ganglion_gateway.live import Watcher
from support.brokers import Broker, on_every_broker
from support.gateway import Here, here
from support.mesh import Gateway, enrolled, running
from support.transports import Counted
from support.waiting import until

YEAR = 365 * 86400 * SECOND


class Site:
    """A gateway, and a node whose clock is off by `off`."""

    def __init__(self, gateway: Here, folder: Path, broker: Broker) -> None:
        self.gateway = gateway
        self.folder = folder
        self.broker = broker
        self.off = 0

    def node(self, key: str | None = None) -> MeshClient:
        node = MeshClient(
            transport=MqttTransport(self.broker.url, backoff=Counted()),
            state=self.folder / "fridge",
            name="fridge",
            enrol_key=key,
            clock=lambda: time.time_ns() + self.off,
            heartbeat=0,
        )

        async def echo(params: dict[str, Any], peer: Peer) -> Any:
            return params

        node.on_request("echo", echo)
        return node

    async def command(self, number: int) -> None:
        answer = await self.gateway.services.mesh.request("echo", {"n": number}, to="fridge", timeout=60)
        assert answer == {"n": number}

    async def event(self, node: MeshClient) -> dict[str, Any]:
        """An event as the gateway has it, once it has it."""
        stored: list[str] = []
        node.on_stored = stored.append
        at = time.time_ns() + self.off
        event = node.publish_event("alert", {"topic": "alert/fridge", "value": 1, "timestamp": at, "source": "t"})
        await until(lambda: event in stored, what="the event is stored")
        document: dict[str, Any] = await self.gateway.get(f"/events/{event}")
        return document

    async def reading(self, node: MeshClient, watcher: Watcher, value: float) -> dict[str, Any]:
        """A reading as who watches sees it."""
        node.publish_reading("sensor/t", value, time.time_ns() + self.off)
        while True:
            for document in await watcher.next(within=60):
                if document["value"] == value:
                    return document


@on_every_broker
@pytest.mark.parametrize("off", [YEAR, -YEAR])
async def test_t12_a_node_whose_clock_jumps_a_year_takes_commands_and_its_data_is_marked(
    broker: Broker, tmp_path: Path, off: int
) -> None:
    async with here(tmp_path / "gateway", broker.url) as gateway:
        site = Site(gateway, tmp_path, broker)
        node = site.node((await gateway.post("/enrol-keys", {}))["key"])
        with gateway.services.live.watch("fridge/sensor/#", None) as watcher:
            async with running(node):
                await enrolled(node)
                await site.command(1)
                assert (await site.event(node))["source"] == "t"
                assert (await site.reading(node, watcher, 1.5))["source"] == "t"
                site.off = off  # while it runs
                await site.command(2)
                assert (await site.event(node))["source"] == "clock=bad t"
            node = site.node()  # and from its start
            async with running(node):
                await until(lambda: gateway.services.fleet.find("fridge").clock == "bad", what="its birth says so")
                assert (await gateway.get("/nodes/fridge"))["clock"] == "bad"
                await site.command(3)
                assert (await site.event(node))["source"] == "clock=bad t"
                seen = await site.reading(node, watcher, 2.5)
                assert seen["source"] == "clock=bad t"
                assert abs(seen["timestamp"] - time.time_ns()) < 3600 * SECOND, "it is of when it came"
            site.off = 0
            node = site.node()
            async with running(node):
                await until(lambda: gateway.services.fleet.find("fridge").clock == "", what="its clock is right again")
                await site.command(4)
                assert (await site.event(node))["source"] == "t"
                assert (await site.reading(node, watcher, 3.5))["source"] == "t"


async def test_a_node_that_was_away_for_longer_than_its_credential_held_is_told_and_asks_to_be_let_in(
    broker: Broker, tmp_path: Path
) -> None:
    off = 0
    gateway = Gateway(tmp_path, broker.url, clock=lambda: time.time_ns() + off)
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
    off = 40 * 86400 * SECOND
    gateway.start()
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await until(lambda: node.statistics().pending, what="it waits to be let in")

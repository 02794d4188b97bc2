# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet says, watched as it is said: over HTTP, over a WebSocket, and by `ganglion watch`."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import websockets

from ganglion.bus import Filter
from ganglion.errors import InvalidError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.live import QUEUE, Live
from support.brokers import Broker, nats_broker
from support.gateway import Process, process
from support.mesh import enrolled, running

WARM = '{"value": {"$gt": 8}}'


class Site:
    def __init__(self, gateway: Process, node: MeshClient) -> None:
        self.gateway = gateway
        self.node = node

    def reads(self, *values: float) -> None:
        for value in values:
            self.node.publish_reading("sensor/fridge/temperature", value, time.time_ns())

    async def tells(self) -> None:
        body = {"topic": "alert/fridge", "value": {"cause": "door"}, "timestamp": 1, "source": "run", "run": ""}
        self.node.publish_event("alert", body)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with nats_broker(tmp_path / "broker") as broker, process(tmp_path / "state", broker.url) as gateway:
        node = await member(gateway, tmp_path, broker)
        async with running(node):
            await enrolled(node)
            yield Site(gateway, node)


async def member(gateway: Process, folder: Path, broker: Broker) -> MeshClient:
    key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
    return MeshClient(transport=MqttTransport(broker.url), state=folder / "fridge", name="fridge", enrol_key=key)


@asynccontextmanager
async def socket(gateway: Process, query: str = "", *, token: str | None = None) -> AsyncIterator[Any]:
    url = f"{gateway.url.replace('http', 'ws')}/api/v1/watch{query}"
    headers = {"Authorization": f"Bearer {gateway.token if token is None else token}"}
    async with websockets.connect(url, additional_headers=headers, proxy=None) as opened:
        yield opened


async def heard(opened: Any, site: Site) -> dict[str, Any]:
    """The next document, and that it comes: what was said before the socket was open is not told."""
    async with asyncio.timeout(60):
        document: dict[str, Any] = json.loads(await opened.recv())
        return document


async def test_a_socket_is_told_what_its_filter_lets_through(site: Site) -> None:
    async with socket(site.gateway, f"?topic=fridge/sensor/%23&where={quote(WARM)}") as opened:
        await site.tells()
        site.reads(4.0, 8.5, 7.0, 9.25)
        first, second = await heard(opened, site), await heard(opened, site)
    assert [first["value"], second["value"]] == [8.5, 9.25]
    assert first["topic"] == "fridge/sensor/fridge/temperature"
    assert first["source"] == "fridge.temperature"


async def test_what_is_for_another_node_is_named_so(site: Site) -> None:
    body = {"topic": "note/heat", "value": 1, "timestamp": 1, "source": "", "run": "", "to": "hall", "wait": 10**9}
    async with socket(site.gateway, "?topic=fridge/node:hall/%23") as opened:
        site.node.publish_event("alert", body)
        assert (await heard(opened, site))["topic"] == "fridge/node:hall/note/heat"


async def test_a_socket_without_a_token_is_not_opened(site: Site) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with socket(site.gateway, token="gt_wrong"):
            pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("query", "says"),
    [("?where={", "where: is no JSON"), ("?topic=a/%23/b", "topic: 'a/#/b'"), ("?wher=1", "?wher: there is no such")],
)
async def test_a_filter_that_is_none_is_named_on_both_ways(site: Site, query: str, says: str) -> None:
    async with socket(site.gateway, query) as opened:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await opened.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert closed.value.rcvd.reason.startswith(says)
    answer = await site.gateway.http.get(f"/api/v1/watch{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(says)


async def test_the_command_follows_and_ends_after_its_count(site: Site) -> None:
    command = [sys.executable, "-m", "ganglion", "watch", "+/#", "--where", WARM, "--count", "2", "--json"]
    environment = {**os.environ, "GANGLION_GATEWAY": site.gateway.url, "GANGLION_TOKEN": site.gateway.token}
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            while child.returncode is None:
                site.reads(1.0, 9.0)
                await asyncio.sleep(0.05)
        assert child.stdout is not None
        documents = [json.loads(line) for line in (await child.stdout.read()).splitlines()]
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0
    assert [document["value"] for document in documents] == [9.0, 9.0]


async def test_a_wrong_filter_ends_the_command_before_it_asks(site: Site) -> None:
    for where, says in [("{", "--where: is no JSON"), ('{"vale": 1}', "an event has no field 'vale'")]:
        command = [sys.executable, "-m", "ganglion", "watch", "--where", where, "--gateway", "http://127.0.0.1:1"]
        child = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        _, error = await child.communicate()
        assert child.returncode == 2
        assert says in error.decode()


def row(value: object, topic: str = "alert/x") -> dict[str, Any]:
    return {"topic": topic, "value": value, "timestamp": 1, "source": ""}


async def test_who_is_too_slow_loses_the_oldest_and_is_told_how_many() -> None:
    live = Live()
    with live.watch("#", None) as watcher:
        for i in range(QUEUE + 5):
            live.event("n", row(i))
        first, *rest = await watcher.next(within=1)
        assert first == {"dropped": 5}
        assert [document["value"] for document in rest] == list(range(5, QUEUE + 5))
        assert await watcher.next(within=0.01) == []


async def test_a_name_or_topic_with_wildcards_is_no_wildcard() -> None:
    live = Live()
    with live.watch("+/alert/#", None) as watcher, live.watch("a_b/#", Filter({"value": 2})) as other:
        live.event("a/b", row(1, "alert/+/#\0"))
        live.event("#", row(2))
        assert [document["topic"] for document in await watcher.next(within=1)] == ["a_b/alert/_/__", "_/alert/x"]
        assert await other.next(within=0.01) == []
    with pytest.raises(InvalidError, match="topic"), live.watch("a/#/b", None):
        pass

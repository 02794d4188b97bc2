# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway is killed in the middle of a rollout, and the one beside it on the same PostgreSQL goes on."""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import GanglionError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.backup.making import make
from ganglion_gateway.backup.restoring import restore_keys
from ganglion_gateway.store.url import DatabaseUrl
from support.brokers import Broker
from support.gateway import Process, start
from support.mesh import enrolled, running
from support.postgres import PostgresServer
from support.released import GOOD
from support.waiting import until, until_answered

NODES = 4


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[DatabaseUrl]:
    made = postgres.database(migrated=True)
    yield made
    postgres.drop(made)


class Node:
    """A member that reports what it is told to report of a release that it is to run."""

    def __init__(self, client: MeshClient) -> None:
        self.client, self.desired, self._serial = client, dict[str, Any](), 0

    async def look(self) -> None:
        """Asks what it is to run, again and again."""
        while True:
            with suppress(GanglionError):
                self.desired = await self.client.request("release.desired", {}, timeout=5)
            await asyncio.sleep(0.2)

    async def report(self, state: str) -> None:
        """Reports until a gateway has it."""
        self._serial += 1
        said = {**self.desired, "serial": self._serial, "at": 1, "state": state, "why": "no sensors"}
        async with asyncio.timeout(60):
            while True:
                try:
                    await self.client.request("release.report", said, timeout=5)
                except GanglionError:
                    await asyncio.sleep(0.2)
                else:
                    return


@asynccontextmanager
async def members(broker: str, key: str, folder: Path) -> AsyncIterator[list[Node]]:
    """Nodes that have joined."""
    async with AsyncExitStack() as stack:
        nodes = []
        for i in range(NODES):
            client = MeshClient(transport=MqttTransport([broker]), state=folder / f"n{i}", name=f"n{i}", enrol_key=key)
            await stack.enter_async_context(running(client))
            await enrolled(client)
            nodes.append(Node(client))
        looking = [asyncio.create_task(node.look()) for node in nodes]
        try:
            yield nodes
        finally:
            for each in looking:
                each.cancel()
            await asyncio.gather(*looking, return_exceptions=True)


async def release(gateway: Process, name: str) -> str:
    data = GOOD.format(name=name).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    assert (await gateway.http.put(f"/api/v1/releases/files/{sha256}", content=data)).status_code == 200
    body = {"name": name, "files": [{"path": "door.yaml", "sha256": sha256}]}
    return str((await gateway.http.post("/api/v1/releases", json=body)).json()["id"])


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_a_bad_release_is_taken_back_by_the_gateway_that_is_left(
    broker: Broker, postgres: PostgresServer, url: DatabaseUrl, tmp_path: Path
) -> None:
    words = ["--database", postgres.url(url.parameters["dbname"])]
    one = await start(tmp_path / "one", broker.url, *words)
    other: Process | None = None
    try:
        await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
        restore_keys(tmp_path / "backup", tmp_path / "other", passphrase=None)
        other = await start(tmp_path / "other", broker.url, "--name", "gateway-b", *words)
        good, bad = await release(one, "good"), await release(one, "bad")
        key = (await one.http.post("/api/v1/enrol-keys", json={"uses": NODES})).json()["key"]
        async with members(broker.url, key, tmp_path) as nodes:

            async def all_there() -> bool:
                found = (await one.http.get("/api/v1/nodes")).json()["nodes"]
                return [each["online"] for each in found] == [True] * NODES

            await until_answered(all_there, what="the nodes are there")
            for i in range(NODES):
                await one.http.put(f"/api/v1/nodes/n{i}/release", json={"release": good})
            body = {"release": bad, "selector": "all", "id": "spring", "stages": ["50%", "100%"]}
            made = await one.http.post("/api/v1/rollouts", json=body)
            assert made.status_code == 201, made.text

            def cohort() -> list[Node]:
                return [node for node in nodes if node.desired.get("release") == bad]

            await until(lambda: len(cohort()) == 2, what="the first cohort is to run it")
            await one.end(signal.SIGKILL)
            first = cohort()
            for node in first:
                await node.report("reverted")
            await until(lambda: not cohort(), within=60, what="they are to run what they had")
            assert {node.desired["release"] for node in nodes} == {good}
            rollout = (await other.http.get("/api/v1/rollouts/spring")).json()
            assert (rollout["state"], rollout["nodes"]) == ("aborted", {"pending": 2, "reverted": 2})
            assert "no sensors" in rollout["why"]
    finally:
        await one.end(signal.SIGKILL)
        if other is not None:
            await other.end(signal.SIGKILL)

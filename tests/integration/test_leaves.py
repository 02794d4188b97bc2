# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves of a node on a real broker, with a gateway: what becomes of them when something is taken away."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import InvalidError
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion.mesh.leaves.leaves import Leaves
from ganglion_micro import gl1
from ganglion_micro.leaf import Leaf
from support.brokers import Broker, free_ports
from support.gateway import Here, here
from support.leaves import KEY, MESH, PARENT, Device
from support.mesh import NOW
from support.node import NodeProcess, node
from support.waiting import until, until_answered


class Farm:
    """A gateway, a node that is a parent, and its leaf."""

    def __init__(self, site: Here, folder: Path, config: str, port: int) -> None:
        self.site = site
        self.folder = folder
        self.config = config
        self.port = port
        self.leaves = LeafFolder(folder / "state")

    @asynccontextmanager
    async def barn(self) -> AsyncIterator[NodeProcess]:
        async with node(self.folder, self.config) as barn:
            await barn.ready()
            yield barn

    async def known(self) -> dict[str, Any]:
        nodes = (await self.site.get("/nodes"))["nodes"]
        found = nodes[0]["leaves"] if nodes else []
        return found[0] if found else {}

    async def is_here(self) -> bool:
        leaf = await self.known()
        return bool(leaf.get("online") and leaf["sensors"])

    async def values(self) -> list[Any]:
        return [event["value"] for event in (await self.site.get("/events"))["events"] if event["leaf"] == "garden"]

    async def refused(self) -> dict[str, int]:
        answer = await self.site.get("/nodes/barn/calls/mesh.statistics")
        refused: dict[str, int] = answer["result"]["leaves"]["rejected"]
        return refused


@pytest.fixture
async def farm(broker: Broker, tmp_path: Path) -> AsyncIterator[Farm]:
    (port,) = free_ports(1)
    async with here(tmp_path / "gateway", broker.url) as site:
        (tmp_path / "enrol.key").write_text((await site.post("/enrol-keys", {}))["key"])
        yield Farm(site, tmp_path, PARENT.format(broker=broker.url, port=port), port)


async def test_a_parent_restarts_and_its_leaf_goes_on(farm: Farm) -> None:
    async with farm.barn():
        key = farm.leaves.add("garden", now=NOW)
        device = Device(Leaf(key, 1, os.urandom(8)), farm.port)
        async with device.running():
            await until_answered(farm.is_here, what="the leaf")
            assert not await farm.refused()
    async with device.running():
        device.leaf.event("alert", "door", "while it was away")
        async with farm.barn():
            await until(lambda: not device.leaf.waiting, within=60, what="the event is stored")

            async def told() -> bool:
                return await farm.values() == ["while it was away"]

            await until_answered(told, what="the event at the gateway")
            assert set(await farm.refused()) <= {"stale", "replayed"}


async def test_a_leaf_that_is_removed_is_refused_while_its_parent_runs(farm: Farm) -> None:
    async with farm.barn():
        device = Device(Leaf(farm.leaves.add("garden", now=NOW), 1, os.urandom(8)), farm.port)
        async with device.running():
            await until_answered(farm.is_here, what="the leaf")
            farm.leaves.remove("garden")
            device.leaf.event("alert", "door", "too late")

            async def gone() -> bool:
                return (await farm.refused()).get("unenrolled", 0) > 3 and not await farm.known()

            await until_answered(gone, what="it is refused, and out of the inventory")
            assert device.leaf.waiting
            assert await farm.values() == []


async def test_with_a_parent_that_is_revoked_its_leaves_are_believed_no_more(farm: Farm) -> None:
    async with farm.barn():
        device = Device(Leaf(farm.leaves.add("garden", now=NOW), 1, os.urandom(8)), farm.port)
        async with device.running():
            await until_answered(farm.is_here, what="the leaf")
            await farm.site.post("/nodes/barn/revoke", {})
            leaf = await farm.known()
            assert (leaf["online"], leaf["revoked"] is not None) == (False, True)
            before = leaf["sensors"]["soil"]["timestamp"]
            device.leaf.event("alert", "door", "of a leaf whose parent nobody believes")
            rejected = farm.site.services.mesh.statistics
            await until(lambda: rejected()["rejected"].get("revoked"), what="the gateway refuses its parent")
            leaf = await farm.known()
            assert (leaf["online"], await farm.values()) == (False, [])
            assert leaf["sensors"]["soil"]["timestamp"] - before < 1_000_000_000


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        leaves = Leaves(
            state=tmp_path,
            mesh=gl1.base32(MESH),
            epoch=1,
            clock=lambda: NOW,
            on_reading=lambda read: None,
            on_event=lambda cls, body: None,
            saved=_nothing,
            on_changed=lambda: None,
            host="127.0.0.1",
            port=port,
        )
        with pytest.raises(InvalidError, match=rf"leaves.port: UDP port {port} of 127.0.0.1 is not to be had"):
            await leaves.run()
        assert KEY.kid not in leaves.parent.leaves


async def _nothing() -> None:
    pass

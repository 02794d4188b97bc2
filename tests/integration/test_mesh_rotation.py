# SPDX-License-Identifier: GPL-3.0-or-later
"""A key is rotated where there is no broker: what the one before has signed still arrives over neighbours."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.links.spec import parse
from ganglion.mesh.rotation import prepare
from ganglion.mesh.service import GatewayRole
from ganglion.mesh.transport import NoBroker
from support.mesh import Keys, Store
from support.mesh_process import provision
from support.waiting import until


@asynccontextmanager
async def running(client: MeshClient) -> AsyncIterator[MeshClient]:
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("forgetful", [False, True], ids=["the gateway stays", "the gateway starts anew"])
async def test_events_in_flight_at_a_rotation_are_stored_and_acknowledged_over_neighbours(
    tmp_path: Path, forgetful: bool
) -> None:
    authority, store = Authority.open(tmp_path / "authority", now=time.time_ns()), Store()
    store.broken = True
    provision(tmp_path, authority, "fridge")

    def member(name: str, role: GatewayRole | None = None) -> MeshClient:
        links = [parse("lan:lo")]
        return MeshClient(
            transport=NoBroker(), state=tmp_path / name, name=name, gateway=role, links=links, heartbeat=0
        )

    def gateway() -> MeshClient:
        return member(
            "gateway",
            GatewayRole(
                authority=authority,
                keys=Keys(authority),
                on_events=store.take,
                on_frames=lambda _: None,
                on_birth=lambda _: None,
                on_death=lambda _: None,
            ),
        )

    async with running(member("fridge")) as fridge:
        former = fridge.identity.node_id
        async with running(gateway()) as first:
            await until(lambda: fridge.leads and fridge.member.gateway)
            for i in range(3):
                fridge.publish_event("alert", {"value": i, "topic": "x"})
            await until(lambda: first.member.rejected or first.desk.ingest.failed, what="the events came")
            prepare(tmp_path / "fridge")
            await until(lambda: fridge.identity.node_id != former, within=60)
            await until(lambda: fridge.identity.kid in first.member.peers, what="the new birth", within=60)
            if not forgetful:
                store.broken = False
                await until(lambda: fridge.statistics().delivery.spooled == 0, within=60, what="the spool is empty")
        store.broken = False
        if forgetful:
            async with running(gateway()):
                await until(lambda: fridge.statistics().delivery.spooled == 0, within=60, what="the spool is empty")
    assert sorted(store.values) == [0, 1, 2]
    assert {key[0] for key in store.events} == {former}

# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_gateway.jobs on a database: what a gateway that is gone has left is taken up by another, and done once."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganglion.mesh.calls import Ticket
from ganglion.units import SECOND
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.jobs import Jobs, order
from ganglion_gateway.leases import Leases
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import jobs as store
from ganglion_gateway.store.database import Database
from support.mesh import NOW
from support.waiting import until_answered


class Mesh:
    """A way to nodes that answer at once, but for those that never do."""

    def __init__(self, name: str, silent: tuple[str, ...] = ()) -> None:
        self.node_id = name
        self.asked: list[tuple[str, Ticket]] = []
        self._silent = silent

    def boot_of(self, node_id: str) -> bytes | None:
        return b"12345678"

    def withdraw(self, ticket: Ticket) -> None:
        return

    async def request(
        self, method: str, params: dict[str, Any], *, to: str, called: str = "", timeout: float, ticket: Ticket
    ) -> Any:
        self.asked.append((to, ticket))
        if to in self._silent:
            await asyncio.Event().wait()
        return {"by": self.node_id, **params}


def fleet(*names: str) -> Fleet:
    made = Fleet()
    made.nodes = {name: Node(id=name, name=name, online=True) for name in names}
    return made


async def states(database: Database, job: str) -> dict[str, str]:
    return {row["node"]: row["state"] for row in await store.all_targets(database, job)}


async def test_another_gateway_goes_on_and_makes_no_request_that_the_first_has_made(tmp_path: Path) -> None:
    async with Database.open_(tmp_path / "gateway.db") as database, Leases.open_(database) as leases:
        first = Mesh("g1", silent=("slow",))
        nodes = fleet("quick", "slow", "away")
        nodes.nodes["away"].online = False
        jobs = Jobs(database, nodes, first, metrics=Metrics("0"), clock=lambda: NOW)
        wanted = order(
            selector="all",
            method="dose",
            params={"ml": 3.0},
            deadline=600 * SECOND,
            timeout=30 * SECOND,
            retries=0,
            wide=8,
            by="me",
        )
        leading = asyncio.create_task(leases.lead("jobs", jobs.run))
        job = await jobs.create(wanted)

        async def far() -> bool:
            return await states(database, job) == {"quick": "done", "slow": "running", "away": "waiting"}

        await until_answered(far)
        leading.cancel()
        with suppress(asyncio.CancelledError):
            await leading
        assert await far(), "what is under way when a gateway ends is gone on with"

        second = Mesh("g2")
        another = Jobs(database, fleet("quick", "slow", "away"), second, metrics=Metrics("0"), clock=lambda: NOW)
        leading = asyncio.create_task(leases.lead("jobs", another.run))

        async def ended() -> bool:
            return (await another.find(job))["ended"] is not None

        await until_answered(ended)
        assert await states(database, job) == {"quick": "done", "slow": "unknown", "away": "done"}
        assert [to for to, _ in second.asked] == ["away"]
        row = await another.find(job)
        assert (row["state"], row["params"], row["names"]) == ("ended", "", ["ml"])
        leading.cancel()
        with suppress(asyncio.CancelledError):
            await leading


async def test_the_gateway_that_has_asked_makes_the_same_request_again(tmp_path: Path) -> None:
    async with Database.open_(tmp_path / "gateway.db") as database, Leases.open_(database) as leases:
        wanted = order(
            selector="slow",
            method="dose",
            params={},
            deadline=600 * SECOND,
            timeout=30 * SECOND,
            retries=0,
            wide=8,
            by="me",
        )
        tickets = []
        job = ""
        for silent in (("slow",), ()):
            mesh = Mesh("g1", silent)
            jobs = Jobs(database, fleet("slow"), mesh, metrics=Metrics("0"), clock=lambda: NOW)
            leading = asyncio.create_task(leases.lead("jobs", jobs.run))
            job = job or await jobs.create(wanted)

            async def asked(mesh: Mesh = mesh) -> bool:
                return bool(mesh.asked)

            await until_answered(asked)
            tickets.append(mesh.asked[0][1])
            if not silent:

                async def done(job: str = job) -> bool:
                    return await states(database, job) == {"slow": "done"}

                await until_answered(done)
            leading.cancel()
            with suppress(asyncio.CancelledError):
                await leading
        assert tickets[1] == tickets[0]._replace(resumed=True)


async def test_a_job_that_nobody_carries_out_is_overdue_when_its_time_is_over(tmp_path: Path) -> None:
    async with Database.open_(tmp_path / "gateway.db") as database:
        jobs = Jobs(database, fleet("slow"), Mesh("g1"), metrics=Metrics("0"), clock=lambda: NOW)
        await jobs.create(
            order(
                selector="slow",
                method="dose",
                params={},
                deadline=60 * SECOND,
                timeout=30 * SECOND,
                retries=0,
                wide=8,
                by="me",
            )
        )
        assert await store.overdue(database, NOW + 59 * SECOND) == 0
        assert await store.overdue(database, NOW + 61 * SECOND) == 1

# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as people have them: begun, cancelled, watched, at whichever gateway; `carrier` carries them out."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import NotFoundError, OverError, RefusedError
from ganglion.sentences import say
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.jobs.carrier import ELSEWHERE, Carrier, Mesh
from ganglion_gateway.jobs.job import Target
from ganglion_gateway.jobs.order import Order
from ganglion_gateway.leases import Lease
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import audit, jobs
from ganglion_gateway.store.database import Database

#: Jobs that run.
MOST_JOBS = 256


class Jobs:
    """Those of all gateways that share a database.

    Args:
        database: Keeps them.
        fleet: Knows who is there.
        mesh: By which nodes are asked.
        metrics: Counts what came of them.
        clock: Nanoseconds since the Unix epoch.
        on_change: Called when something of a job is written down.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        mesh: Mesh,
        *,
        metrics: Metrics,
        clock: Callable[[], int],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._clock = clock
        self._on_change = on_change
        self._carrier = Carrier(database, fleet, mesh, metrics=metrics, clock=clock, on_change=on_change)

    @property
    def running(self) -> int:
        """How many this gateway carries out."""
        return len(self._carrier.jobs)

    async def run(self, lease: Lease) -> None:
        """See `Carrier.run`."""
        await self._carrier.run(lease)

    async def create(self, order: Order) -> str:
        """Begins a job; its id. What it means is decided now: a node that comes later is not in it.

        Raises:
            InvalidError: the selector is none.
            NotFoundError: it means nobody; the message says what no node has.
            RefusedError: the method is none for jobs, or there are too many.
        """
        selector, nodes = order.means(self._fleet)
        if len(await jobs.unfinished(self._database)) >= MOST_JOBS:
            raise RefusedError(say("{most} jobs run, and no more can: `ganglion jobs cancel` ends one", most=MOST_JOBS))
        now, identity = self._clock(), secrets.token_hex(4)
        row = {
            "id": identity,
            "actor": order.by,
            "selector": selector,
            "method": order.method,
            "params": json.dumps(dict(order.params)),
            "names": sorted(order.params),
            "created": now,
            "deadline": now + order.deadline,
            **{name: getattr(order, name) for name in ("timeout", "retries", "wide")},
            "state": jobs.RUNNING,
        }
        targets = [Target(job=identity, node=node.id, name=node.name).row() for node in nodes]
        detail = {name: row[name] for name in ("method", "selector", "names")} | {"nodes": len(nodes)}

        async def work(connection: AsyncConnection) -> None:
            await jobs.create(connection, row, targets)
            await audit.record(connection, at=now, actor=order.by, action="job.create", target=identity, detail=detail)

        await self._database.write(work)
        self._carrier.read_again()
        self._on_change()
        return identity

    async def cancel(self, identity: str, *, by: str) -> None:
        """Has a job end: who has not begun does not, and who has is told to end it.

        Raises:
            NotFoundError: there is none.
            OverError: it has ended.
        """
        row, now = await self.find(identity), self._clock()
        if row["ended"] is not None:
            raise OverError(
                say("the job {job} is over: it was cancelled", job=identity)
                if row["state"] == "cancelled"
                else say("the job {job} is over: it has ended", job=identity)
            )

        async def work(connection: AsyncConnection) -> None:
            await jobs.cancel(connection, identity, now)
            await audit.record(connection, at=now, actor=by, action="job.cancel", target=identity, detail={})

        await self._database.write(work)
        self._carrier.read_again()
        self._on_change()

    async def find(self, identity: str) -> dict[str, Any]:
        """The row of a job.

        Raises:
            NotFoundError: there is none.
        """
        row = await jobs.find(self._database, identity)
        if row is None:
            raise NotFoundError(
                say("there is no job {identity!r}: `ganglion jobs list` shows those that are kept", identity=identity)
            )
        return row

    async def watch(self, identity: str, waits: Iterator[float]) -> AsyncIterator[list[dict[str, Any]]]:
        """How a job stands at its nodes, and then what changes, until it has ended; nothing after a silence.

        Args:
            waits: Seconds of each silence; it ends with these, too.
        """
        await self._read_by_leader(identity)
        job = self._carrier.jobs.get(identity)
        seen = -1
        while job is not None:
            changed = [target for target in job.targets.values() if target.version > seen]
            seen = job.version
            yield [target.row() for target in sorted(changed, key=lambda each: each.version)]
            if self._carrier.jobs.get(identity) is not job:
                break
            news = self._carrier.news
            if (within := next(waits, None)) is None:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await news.wait()
        while (await self.find(identity))["ended"] is None:  # another gateway carries it out
            yield []
            if (within := next(waits, None)) is None:
                return
            await asyncio.sleep(min(within, ELSEWHERE))

    async def _read_by_leader(self, identity: str) -> None:
        """A job that was just made is taken up a moment later, where it is this gateway that does so."""
        for _ in range(20):
            if identity in self._carrier.jobs or not self._carrier.unread:
                return
            await asyncio.sleep(0.05)

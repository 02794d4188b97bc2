# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries jobs out: sends what is due to who is there, writes down what is to be sent before it is, and what came.

A request that was under way when the gateway stopped is made again with the same id to the same boot of its node, which
does it once. Nodes that are away are waited for until the job's time is over.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import GanglionError, NotFoundError, RefusedError
from ganglion.mesh.calls import Ticket
from ganglion.units import SECOND
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.jobs.job import ENDED, Job, State, Target
from ganglion_gateway.jobs.order import Order
from ganglion_gateway.jsonable import jsonable
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import audit, jobs
from ganglion_gateway.store.database import Database

_log = structlog.get_logger(__name__)

#: Seconds between two looks at what is due, and seconds that a request has beyond its own time to be answered.
_LOOK = 0.5
_GRACE = 10.0
#: Requests under way, of all jobs; and jobs that run.
UNDER_WAY = 256
MOST_JOBS = 256


class Mesh(Protocol):
    """What is needed of the mesh."""

    def boot_of(self, node_id: str) -> bytes | None:
        """See `GatewayMember.boot_of`."""
        ...

    def withdraw(self, ticket: Ticket) -> None:
        """See `Calls.withdraw`."""
        ...

    async def request(
        self, method: str, params: dict[str, Any], *, to: str, called: str = "", timeout: float, ticket: Ticket
    ) -> Any:
        """See `MeshClient.request`."""
        ...


class Jobs:
    """Those of one gateway.

    Args:
        database: Keeps them.
        fleet: Knows who is there.
        mesh: By which nodes are asked.
        metrics: Counts what came of them.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self, database: Database, fleet: Fleet, mesh: Mesh, *, metrics: Metrics, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._mesh = mesh
        self._metrics = metrics
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._jobs)

    async def load(self) -> None:
        """What had not ended before a restart."""
        for row, targets in await jobs.unfinished(self._database):
            params = json.loads(row["params"] or "{}")
            fields = {name: row[name] for name in ("id", "method", "deadline", "timeout", "retries", "wide")}
            job = self._jobs[row["id"]] = Job(params=params, **fields)
            for each in targets:
                state = State(each["state"])
                job.add(Target(**{**each, "state": state, "resumed": state is State.RUNNING}))

    async def create(self, order: Order) -> str:
        """Begins a job; its id. What it means is decided now: a node that comes later is not in it.

        Raises:
            InvalidError: the selector is none.
            NotFoundError: it means nobody; the message says what no node has.
            RefusedError: the method is none for jobs, or there are too many.
        """
        selector, nodes = order.means(self._fleet)
        if len(self._jobs) >= MOST_JOBS:
            raise RefusedError(f"{MOST_JOBS} jobs run, and no more can: `ganglion jobs cancel` ends one")
        now = self._clock()
        job = Job(
            id=secrets.token_hex(4),
            method=order.method,
            params=dict(order.params),
            deadline=now + order.deadline,
            timeout=order.timeout,
            retries=order.retries,
            wide=order.wide,
        )
        for node in nodes:
            job.add(Target(job=job.id, node=node.id, name=node.name))
        row = {
            "id": job.id,
            "actor": order.by,
            "selector": selector,
            "method": job.method,
            "params": json.dumps(job.params),
            "names": sorted(job.params),
            "created": now,
            **{name: getattr(job, name) for name in ("deadline", "timeout", "retries", "wide")},
            "state": jobs.RUNNING,
        }
        detail = {name: row[name] for name in ("method", "selector", "names")} | {"nodes": len(nodes)}

        async def work(connection: AsyncConnection) -> None:
            await jobs.create(connection, row, [target.row() for target in job.targets.values()])
            await audit.record(connection, at=now, actor=order.by, action="job.create", target=job.id, detail=detail)

        await self._database.write(work)
        self._jobs[job.id] = job
        self._wake.set()
        return job.id

    async def cancel(self, identity: str, *, by: str) -> None:
        """Ends a job: who has not begun does not, and who has is told to end it.

        Raises:
            NotFoundError: there is none.
            RefusedError: it has ended.
        """
        job = self._jobs.get(identity)
        if job is None:
            row = await self.find(identity)
            raise RefusedError(f"the job {identity} has ended already: it is {row['state']}")
        now = self._clock()
        rows = [target.row() for target in job.cancel(now)]

        async def work(connection: AsyncConnection) -> None:
            for row in rows:
                await jobs.settle(connection, row)
            await audit.record(connection, at=now, actor=by, action="job.cancel", target=identity, detail={})

        for row in rows:
            self._metrics.job_targets.labels(row["state"]).inc()
        await self._database.write(work)
        for target in job.open.values():
            if target.state is State.RUNNING:
                self._mesh.withdraw(target.ticket)
        self._told(job)

    async def find(self, identity: str) -> dict[str, Any]:
        """The row of a job.

        Raises:
            NotFoundError: there is none.
        """
        row = await jobs.find(self._database, identity)
        if row is None:
            raise NotFoundError(f"there is no job {identity!r}: `ganglion jobs list` shows those that are kept")
        return row

    async def watch(self, identity: str, *, within: float) -> AsyncIterator[list[dict[str, Any]]]:
        """How a job stands at its nodes, and then what changes, until it has ended; nothing after a silence."""
        job = self._jobs.get(identity)
        if job is None:
            return
        seen = -1
        while True:
            changed = [target for target in job.targets.values() if target.version > seen]
            seen = job.version
            yield [target.row() for target in sorted(changed, key=lambda each: each.version)]
            if job.is_over and identity not in self._jobs:
                return
            news = self._news
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await news.wait()

    def _told(self, job: Job) -> None:
        """Wakes who watches, and has the job looked at."""
        news, self._news = self._news, asyncio.Event()
        news.set()
        self._wake.set()

    async def run(self) -> None:
        """Carries them out, until cancelled: what is under way then is gone on with at the next start."""
        try:
            while True:
                for job in list(self._jobs.values()):
                    try:
                        await self._look(job)
                    except SQLAlchemyError as error:
                        _log.error("a job waits for the database", job=job.id, reason=str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            tasks = list(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, job: Job) -> None:
        """Sends what is due, and ends what is over."""
        now = self._clock()
        for target in job.expire(now):
            await self._settle(job, target)
        room = job.wide - sum(1 for key in self._under_way if key[0] == job.id)
        for target in tuple(job.open.values()):
            if room <= 0 or len(self._under_way) >= UNDER_WAY:
                break
            key = (job.id, target.node)
            if key in self._under_way:
                continue
            node = self._fleet.nodes.get(self._fleet.now(target.node))
            if node is None or node.revoked is not None:
                job.refuse(target, "it is in the mesh no more", now)
                await self._settle(job, target)
            elif target.resumed or (node.online and now >= target.due):
                task = self._under_way[key] = asyncio.create_task(self._attempt(job, target, node.id), name="job")
                task.add_done_callback(partial(self._over, key))
                room -= 1
        if job.is_over and not any(key[0] == job.id for key in self._under_way):
            values = {"state": "cancelled" if job.cancelled else "ended", "ended": self._clock(), "params": ""}
            await self._database.write(lambda connection: jobs.change(connection, job.id, values))
            del self._jobs[job.id]
            self._told(job)

    def _over(self, key: tuple[str, str], task: "asyncio.Task[None]") -> None:
        del self._under_way[key]
        self._wake.set()

    async def _attempt(self, job: Job, target: Target, node: str) -> None:
        """One request, or one of before the gateway started, and what comes of it."""
        nonce = self._mesh.boot_of(node)
        if nonce is None and not target.resumed:
            target.due = self._clock() + SECOND  # it was heard, but its birth was not: it comes
            return
        job.send(target, nonce or b"", self._clock())
        try:
            await self._database.write(lambda connection: jobs.settle(connection, target.row()))
            self._told(job)
            left = max(0, target.until - self._clock()) / SECOND
            try:
                result = await self._mesh.request(
                    job.method,
                    job.params,
                    to=node,
                    called=target.name,
                    timeout=left + (_GRACE if target.resumed else 0.0),
                    ticket=target.ticket,
                )
            except GanglionError as error:
                if job.cancelled:
                    job.withdrawn(target, self._clock())
                else:
                    job.failed(target, error, self._clock())
            else:
                job.answered(target, jsonable(result), self._clock())
            await self._settle(job, target)
        except SQLAlchemyError as error:
            # What is on the disk is taken up again as after a start: by the same request
            _log.error("a job waits for the database", job=job.id, node=target.node, reason=str(error))
            if target.state is State.RUNNING or target.state in ENDED:
                job.reopen(target)
            await asyncio.sleep(1.0)

    async def _settle(self, job: Job, target: Target) -> None:
        await self._database.write(lambda connection: jobs.settle(connection, target.row()))
        if target.state in ENDED:
            self._metrics.job_targets.labels(target.state.value).inc()
        self._told(job)

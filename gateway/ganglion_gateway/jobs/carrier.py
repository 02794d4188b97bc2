# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries jobs out: sends what is due to who is there, writes down what is to be sent before it is, and what came.

A request that was under way when the gateway stopped is made again with the same id to the same boot of its node, which
does it once. Nodes that are away are waited for until the job's time is over.
"""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ganglion.errors import GanglionError
from ganglion.mesh.calls import Ticket, UnansweredError
from ganglion.units import SECOND
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.jobs.job import ENDED, Job, State, Target
from ganglion_gateway.jsonable import jsonable
from ganglion_gateway.leases import Lease, LostLeaseError
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import jobs
from ganglion_gateway.store.database import Database, why

_log = structlog.get_logger(__name__)

#: Seconds between two looks at what is due, and seconds that a request has beyond its own time to be answered.
_LOOK = 0.5
_GRACE = 10.0
#: Seconds between two looks at what other gateways have written.
ELSEWHERE = 1.0
#: Requests under way, of all jobs.
UNDER_WAY = 256


class Mesh(Protocol):
    """What is needed of the mesh."""

    @property
    def node_id(self) -> str:
        """The gateway's own."""
        ...

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


class Carrier:
    """That of one gateway, which carries jobs out while it has the lease.

    Args:
        database: Has the jobs.
        fleet: Knows who is there.
        mesh: By which nodes are asked.
        metrics: Counts what came of them.
        clock: Nanoseconds since the Unix epoch.
        on_change: Called when something of a job is written down.

    Attributes:
        jobs: Those that this gateway carries out, by id.
        unread: Some were begun or cancelled since they were read.
        news: Set when one of them has changed; another takes its place then.
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
        self._mesh = mesh
        self._on_change = on_change
        self._metrics = metrics
        for state in ENDED:
            metrics.job_targets.labels(state.value)  # from 0 on: the first one is an increase, too
        self._clock = clock
        self.jobs: dict[str, Job] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}
        self.unread = True
        self._wake = asyncio.Event()
        self.news = asyncio.Event()

    def read_again(self) -> None:
        """A job was begun or cancelled."""
        self.unread = True
        self._wake.set()

    def _told(self) -> None:
        """Wakes who watches, and has the jobs looked at."""
        news, self.news = self.news, asyncio.Event()
        news.set()
        self._wake.set()
        self._on_change()

    async def run(self, lease: Lease) -> None:
        """Carries them out, until cancelled: what is under way then is gone on with at the next start.

        Args:
            lease: Of several gateways one carries jobs out.
        """
        self.unread = True
        looked = 0.0
        try:
            while lease.held:
                try:
                    if self.unread or (self._database.shared and time.monotonic() - looked >= ELSEWHERE):
                        self.unread, looked = False, time.monotonic()
                        await self._read(lease)
                    for job in list(self.jobs.values()):
                        await self._look(job, lease)
                except SQLAlchemyError as error:
                    _log.error("jobs wait for the database", reason=why(error))
                    self.unread = True
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            tasks = list(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.jobs.clear()
            self._told()

    async def _read(self, lease: Lease) -> None:
        """What was begun or cancelled, here or at another gateway."""
        for row in await jobs.unfinished(self._database):
            job = self.jobs.get(row["id"])
            if job is None:
                fields = {name: row[name] for name in ("id", "method", "deadline", "timeout", "retries", "wide")}
                job = Job(params=json.loads(row["params"] or "{}"), **fields)
                for each in await jobs.all_targets(self._database, job.id):
                    state = State(each["state"])
                    job.add(Target(**{**each, "state": state, "resumed": state is State.RUNNING}))
                for target in tuple(job.open.values()):
                    if target.resumed and target.gateway != self._mesh.node_id:
                        # A node tells requests apart by who makes them, too: ours would be another one
                        job.failed(target, UnansweredError("the gateway that had asked it is gone"), self._clock())
                        await self._settle(job, target, lease)
                self.jobs[job.id] = job
                self._told()
            if row["state"] == jobs.CANCELLING and not job.cancelled:
                for target in job.cancel(self._clock()):
                    await self._settle(job, target, lease)
                for target in job.open.values():
                    if target.state is State.RUNNING:
                        self._mesh.withdraw(target.ticket)

    async def _look(self, job: Job, lease: Lease) -> None:
        """Sends what is due, and ends what is over."""
        now = self._clock()
        for target in job.expire(now):
            await self._settle(job, target, lease)
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
                await self._settle(job, target, lease)
            elif target.resumed or (node.online and now >= target.due):
                task = self._under_way[key] = asyncio.create_task(
                    self._attempt(job, target, node.id, lease), name="job"
                )
                task.add_done_callback(partial(self._over, key))
                room -= 1
        if job.is_over and not any(key[0] == job.id for key in self._under_way):
            state = "cancelled" if job.cancelled else "ended"
            await lease.write(self._database, lambda connection: jobs.end(connection, job.id, state, now))
            del self.jobs[job.id]
            self._told()

    def _over(self, key: tuple[str, str], task: "asyncio.Task[None]") -> None:
        del self._under_way[key]
        self._wake.set()

    async def _attempt(self, job: Job, target: Target, node: str, lease: Lease) -> None:
        """One request, or one of before the gateway started, and what comes of it."""
        nonce = self._mesh.boot_of(node)
        if nonce is None and not target.resumed:
            target.due = self._clock() + SECOND  # it was heard, but its birth was not: it comes
            return
        job.send(target, self._mesh.node_id, nonce or b"", self._clock())
        try:
            await lease.write(self._database, lambda connection: jobs.settle(connection, target.row(), self._clock()))
            self._told()
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
            await self._settle(job, target, lease)
        except LostLeaseError:
            return  # another gateway goes on
        except SQLAlchemyError as error:
            # What is on the disk is taken up again as after a start: by the same request
            _log.error("a job waits for the database", job=job.id, node=target.node, reason=why(error))
            if target.state is State.RUNNING or target.state in ENDED:
                job.reopen(target)
            await asyncio.sleep(1.0)

    async def _settle(self, job: Job, target: Target, lease: Lease) -> None:
        await lease.write(self._database, lambda connection: jobs.settle(connection, target.row(), self._clock()))
        if target.state in ENDED:
            self._metrics.job_targets.labels(target.state.value).inc()
        self._told()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries the outbox out: one lane an endpoint, in order, until each message is delivered or dead.

Gateways beside one database share the endpoints, each of them one gateway's at a time by a lease: everybody takes what
is free up to its fair share, and gives back what is beyond it when another one has come.

The outbox in the database is the truth. A message is marked after its endpoint took it, so a gateway that is killed
between the two sends it again under the same `webhook-id`: at least once, and the receiver can tell.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ganglion.errors import InvalidError
from ganglion_gateway.leases import Lease, Leases
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import leases as lease_store
from ganglion_gateway.store import webhooks
from ganglion_gateway.store.database import Database, Row, why
from ganglion_gateway.webhook.attempt import Attempt, Sender, sample
from ganglion_gateway.webhook.channel import Channel
from ganglion_gateway.webhook.lane import Lane, Means
from ganglion_gateway.webhook.schedule import Circuit, Policy, Schedule

_log = structlog.get_logger(__name__)

#: How the leases begin of gateways that deliver.
DELIVERS = "deliver:"
#: Seconds that a lane has to end its attempt when the gateway stops.
_GRACE = 1.0
#: Seconds until the database is asked again that did not answer.
_DATABASE_RETRY = 1.0
#: Seconds between looks at what other gateways have written: endpoints, and messages for them.
_ELSEWHERE = 1.0
#: Seconds until a lane that ended by an error of ours begins again.
_RESTART = 1.0


class LaneState(NamedTuple):
    """What people see of an endpoint: whether it is thought to answer, the attempts in a row that failed, when the next
    one is made, where something waits and the last one failed, and why it failed."""

    circuit: Circuit
    failures: int
    due: int
    error: str


class Courier:
    """All lanes.

    Args:
        database: Holds the outbox.
        leases: Say whose an endpoint is.
        mesh: The mesh's id.
        metrics: Counts attempts.
        clock: Nanoseconds since the Unix epoch.
        agent: The `User-Agent`.
        policy: How patient it is.
        headers: More headers of a message, by the ids of its event and its endpoint.

    Attributes:
        on_tried: Called when attempts are written down.
    """

    def __init__(
        self,
        database: Database,
        leases: Leases,
        *,
        mesh: str,
        metrics: Metrics,
        clock: Callable[[], int],
        agent: str,
        policy: Policy | None = None,
        headers: Callable[[str, str], dict[str, str]] = lambda event, endpoint: {},
    ) -> None:
        self._database = database
        self._leases = leases
        self._mesh = mesh
        self._metrics = metrics
        for outcome in ("delivered", "failed", "dead"):
            metrics.deliveries.labels(outcome)  # from 0 on: the first one is an increase, too
        self._clock = clock
        self._agent = agent
        self._policy = policy or Policy()
        self._headers = headers
        self._lanes: dict[str, Lane] = {}
        self._left_out: dict[str, Row] = {}  # endpoints as they were when it was said that they are left out
        self.on_tried: Callable[[], None] = lambda: None
        self._changed = asyncio.Event()
        self._changed.set()

    def wake(self) -> None:
        """There are new messages in the outbox."""
        for lane in self._lanes.values():
            lane.wake.set()

    def reload(self) -> None:
        """Endpoints came, went or changed."""
        self._changed.set()

    def state(self, endpoint: Row, head: Row | None) -> LaneState | None:
        """How an endpoint does; None for one that nothing is delivered to.

        Args:
            head: `attempts`, `due` and `error` of the message that waits first: where another gateway delivers,
                they tell.
        """
        if not endpoint["enabled"] or endpoint["paused"]:
            return None
        if (lane := self._lanes.get(endpoint["id"])) is not None:
            schedule, error = lane.schedule, lane.error
        else:
            schedule = Schedule(self._policy, failures=head["attempts"] if head else 0, due=head["due"] if head else 0)
            error = self._fault(endpoint) or (head["error"] if head else "")
        circuit = schedule.circuit(self._clock())
        return LaneState(circuit=circuit, failures=schedule.failures, due=schedule.due, error=error)

    async def run(self, lease: Lease) -> None:
        """Delivers until cancelled; attempts under way then have a second to end.

        Args:
            lease: Says to the other gateways that this one delivers: its name begins with `DELIVERS`.
        """
        shared, tidied = self._database.shared, False
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ELSEWHERE if shared else None):
                        await self._changed.wait()
                self._changed.clear()
                try:
                    if not tidied:
                        await self._database.write(lambda to: lease_store.forget(to, DELIVERS, but=lease.name))
                        tidied = True
                    await self._renew()
                except SQLAlchemyError as error:
                    _log.error("webhook endpoints not readable", reason=why(error))
                    await asyncio.sleep(_DATABASE_RETRY)
                    self._changed.set()
                if shared:
                    self.wake()
        finally:
            await asyncio.shield(self._end(list(self._lanes.values()), grace=_GRACE))
            self._changed.set()  # for the next time

    async def _renew(self) -> None:
        known = await webhooks.all_endpoints(self._database)
        rows = {row["id"]: row for row in known if row["enabled"] and not row["paused"]}
        self._left_out = {id: row for id, row in self._left_out.items() if id in rows}
        lanes, means = self._lanes, Means(self._database, self._metrics, self._clock, self._policy, self.on_tried)
        await self._end([lane for id, lane in lanes.items() if rows.get(id) != lane.endpoint or lane.is_over])
        held = await lease_store.held(self._database, shared=self._database.shared)
        share = math.ceil(len(rows) / max(1, sum(1 for name in held if name.startswith(DELIVERS))))
        await self._end(list(lanes.values())[share:], grace=_GRACE)
        for id, row in rows.items():
            if id in lanes or len(lanes) >= share or webhooks.lease_of(id) in held:
                continue
            try:
                sender = self._sender(row)
            except InvalidError as error:
                if self._left_out.get(id) != row:  # once, not at each look
                    _log.error("webhook endpoint left out", endpoint=id, reason=str(error))
                self._left_out[id] = row
                continue
            if (lease := await self._leases.claim(webhooks.lease_of(id))) is not None:
                lanes[id] = Lane(means, row, sender, lease, partial(self._ended, id))

    async def test(self, endpoint: Row) -> Attempt:
        """One attempt with an event of the class `test`, beside what waits: neither retried nor kept.

        Raises:
            InvalidError: the endpoint's secret is none, or its URL.
        """
        made: list[Attempt] = []
        with Channel(self._sender(endpoint)) as channel:
            await channel.send([sample(self._clock())], made, goes_on=lambda: False)
        return made[0]

    def _sender(self, endpoint: Row) -> Sender:
        return Sender(endpoint, mesh=self._mesh, agent=self._agent, clock=self._clock, headers=self._headers)

    def _fault(self, endpoint: Row) -> str:
        """Why nobody can deliver to an endpoint as it was stored; "" where one can."""
        try:
            self._sender(endpoint)
        except InvalidError as error:
            return str(error)
        return ""

    def _ended(self, endpoint: str, task: asyncio.Task[None]) -> None:
        """Begins a lane again that ended by itself: the outbox still has what it had to deliver."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        _log.error("webhook lane failed", endpoint=endpoint, again_in=_RESTART, exc_info=error)
        asyncio.get_running_loop().call_later(_RESTART, self.reload)

    async def _end(self, lanes: list[Lane], *, grace: float = 0.0) -> None:
        """Ends lanes, and lets another gateway have their endpoints.

        Args:
            grace: Seconds that each has for the attempt under way.
        """
        for lane in lanes:
            lane.stop()
        if lanes and grace:
            await asyncio.wait([lane.task for lane in lanes], timeout=grace)
        for lane in lanes:
            lane.task.cancel()
        await asyncio.gather(*(lane.task for lane in lanes), return_exceptions=True)
        for lane in lanes:
            del self._lanes[lane.endpoint["id"]]
            await self._leases.give_back(lane.lease)

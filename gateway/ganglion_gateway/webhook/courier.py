# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries the outbox out: one lane an endpoint, in order, until each message is delivered or dead.

The outbox in the database is the truth. A message is marked after its endpoint took it, so a gateway that is killed
between the two sends it again under the same `webhook-id`: at least once, and the receiver can tell.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError
from ganglion.units import SECOND
from ganglion_gateway.leases import Lease, LostLeaseError
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import webhooks
from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.webhook.attempt import Attempt, Sender, sample
from ganglion_gateway.webhook.connection import client
from ganglion_gateway.webhook.schedule import Circuit, Fate, Policy, Schedule

_log = structlog.get_logger(__name__)

#: Messages read from the outbox at once, and attempts written back at once.
_PAGE = 512
#: Nanoseconds after which attempts are written back though more are on their way.
_WRITE_BACK = SECOND // 5
#: Seconds that a lane has to end its attempt when the gateway stops.
_GRACE = 1.0
#: Seconds until the database is asked again that did not answer.
_DATABASE_RETRY = 1.0
#: Seconds between looks at what other gateways have written: endpoints, and messages for them.
_ELSEWHERE = 1.0
#: Seconds until a lane that ended by an error of ours begins again.
_RESTART = 1.0


class LaneState(NamedTuple):
    """What people see of an endpoint: whether it is thought to answer, the attempts in a row that failed, and when the
    next one is made, where something waits and the last one failed."""

    circuit: Circuit
    failures: int
    due: int


class Courier:
    """All lanes.

    Args:
        database: Holds the outbox.
        mesh: The mesh's id.
        metrics: Counts attempts.
        clock: Nanoseconds since the Unix epoch.
        agent: The `User-Agent`.
        policy: How patient it is.
        headers: More headers of a message, by the ids of its event and its endpoint.
    """

    def __init__(
        self,
        database: Database,
        *,
        mesh: str,
        metrics: Metrics,
        clock: Callable[[], int],
        agent: str,
        policy: Policy | None = None,
        headers: Callable[[str, str], dict[str, str]] = lambda event, endpoint: {},
    ) -> None:
        self._database = database
        self._mesh = mesh
        self._metrics = metrics
        for outcome in ("delivered", "failed", "dead"):
            metrics.deliveries.labels(outcome)  # from 0 on: the first one is an increase, too
        self._clock = clock
        self._agent = agent
        self._policy = policy or Policy()
        self._headers = headers
        self._lanes: dict[str, _Lane] = {}
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
            head: `attempts` and `due` of the message that waits first: where another gateway delivers, they tell.
        """
        if not endpoint["enabled"] or endpoint["paused"]:
            return None
        if (lane := self._lanes.get(endpoint["id"])) is not None:
            schedule = lane.schedule
        else:
            schedule = Schedule(self._policy, failures=head["attempts"] if head else 0, due=head["due"] if head else 0)
        return LaneState(circuit=schedule.circuit(self._clock()), failures=schedule.failures, due=schedule.due)

    async def run(self, lease: Lease) -> None:
        """Delivers until cancelled; attempts under way then have a second to end.

        Args:
            lease: What is tried is written down only while nobody else was given it.
        """
        self._lease = lease
        shared = self._database.shared
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ELSEWHERE if shared else None):
                        await self._changed.wait()
                self._changed.clear()
                try:
                    await self._renew()
                except SQLAlchemyError as error:
                    _log.error("webhook endpoints not readable", reason=str(error))
                    await asyncio.sleep(_DATABASE_RETRY)
                    self._changed.set()
                if shared:
                    self.wake()
        finally:
            for lane in self._lanes.values():
                lane.stop()
            if self._lanes:
                await asyncio.shield(asyncio.wait([lane.task for lane in self._lanes.values()], timeout=_GRACE))
            await self._cancel(list(self._lanes.values()))
            self._lanes.clear()
            self._changed.set()  # for the next time

    async def _renew(self) -> None:
        known = await webhooks.all_endpoints(self._database)
        rows = {row["id"]: row for row in known if row["enabled"] and not row["paused"]}
        gone = [lane for id, lane in self._lanes.items() if rows.get(id) != lane.endpoint or lane.task.done()]
        for lane in gone:
            del self._lanes[lane.endpoint["id"]]
        await self._cancel(gone)
        for id, row in rows.items():
            if id not in self._lanes:
                try:
                    sender = self._sender(row)
                except InvalidError as error:
                    _log.error("webhook endpoint left out", endpoint=id, reason=str(error))
                    continue
                self._lanes[id] = _Lane(self, row, sender)

    async def test(self, endpoint: Row) -> Attempt:
        """One attempt with an event of the class `test`, beside what waits: neither retried nor kept.

        Raises:
            InvalidError: the endpoint's secret is none.
        """
        async with client(allow_private=endpoint["allow_private"]) as http:
            return await self._sender(endpoint).send(http, sample(self._clock()))

    def _sender(self, endpoint: Row) -> Sender:
        return Sender(endpoint, mesh=self._mesh, agent=self._agent, clock=self._clock, headers=self._headers)

    def _ended(self, task: asyncio.Task[None], endpoint: str) -> None:
        """Begins a lane again that ended by itself: the outbox still has what it had to deliver."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        _log.error("webhook lane failed", endpoint=endpoint, again_in=_RESTART, exc_info=error)
        asyncio.get_running_loop().call_later(_RESTART, self.reload)

    async def _cancel(self, lanes: "list[_Lane]") -> None:
        for lane in lanes:
            lane.task.cancel()
        await asyncio.gather(*(lane.task for lane in lanes), return_exceptions=True)


class _Lane:
    def __init__(self, courier: Courier, endpoint: Row, sender: Sender) -> None:
        self.endpoint = endpoint
        self.wake = asyncio.Event()
        self.schedule = Schedule(courier._policy)
        self._courier = courier
        self._sender = sender
        self._stopping = asyncio.Event()
        self._attempts: list[dict[str, Any]] = []
        self._changes: dict[int, dict[str, Any]] = {}
        self._oldest = 0  # when the first of these was made
        outcomes = {fate: "failed" if fate is Fate.AGAIN else fate.value for fate in Fate}
        self._counts = {fate: courier._metrics.deliveries.labels(outcome) for fate, outcome in outcomes.items()}
        self.task = asyncio.create_task(self._run(), name=f"webhook {endpoint['id']}")
        self.task.add_done_callback(lambda task: courier._ended(task, endpoint["id"]))

    def stop(self) -> None:
        self._stopping.set()
        self.wake.set()

    async def _run(self) -> None:
        try:
            async with client(allow_private=self.endpoint["allow_private"]) as http:
                await self._deliver(http)
        finally:
            await asyncio.shield(self._write_back())

    async def _deliver(self, http: aiohttp.ClientSession) -> None:
        courier = self._courier
        restored = False
        while not self._stopping.is_set():
            self.wake.clear()
            try:
                rows = await webhooks.pending(courier._database, self.endpoint["id"], limit=_PAGE)
            except SQLAlchemyError as error:
                _log.error("outbox not readable", endpoint=self.endpoint["id"], reason=str(error))
                await self._pause(_DATABASE_RETRY)
                continue
            if rows and not restored:
                self.schedule = Schedule(courier._policy, failures=rows[0]["attempts"], due=rows[0]["due"])
            restored = True
            for row in rows:
                await self._settle(http, row)
                if self._stopping.is_set():
                    break
            await self._write_back()
            if not rows:
                await self.wake.wait()

    async def _settle(self, http: aiohttp.ClientSession, row: Row) -> None:
        """Tries one message until it is delivered or dead, or the gateway stops."""
        courier = self._courier
        attempts: int = row["attempts"]
        while not self._stopping.is_set():
            now = courier._clock()
            if self.schedule.expired(_since(row), now):
                self._change(row, Fate.DEAD, attempts, now)
                _log.warning("webhook given up, too old", endpoint=self.endpoint["id"], event_id=row["id"])
                return
            if now < self.schedule.due:
                await self._write_back()
                await self._pause((self.schedule.due - now) / SECOND)
                continue
            attempt = await self._sender.send(http, row)
            attempts += 1
            fate = self._judge(row, attempt, attempts)
            self._attempts.append(
                {
                    "outbox": row["number"],
                    "at": attempt.at,
                    "took": attempt.took,
                    "status": attempt.status,
                    "error": attempt.error,
                }
            )
            self._change(row, fate, attempts, attempt.at + attempt.took)
            if len(self._attempts) >= _PAGE or courier._clock() - self._oldest >= _WRITE_BACK:
                await self._write_back()
            if fate is not Fate.AGAIN:
                return

    def _judge(self, row: Row, attempt: Attempt, attempts: int) -> Fate:
        metrics, endpoint = self._courier._metrics, self.endpoint["id"]
        metrics.delivery.observe(attempt.took / SECOND)
        if not attempt.error:
            fate = self.schedule.delivered()
        else:
            fate = self.schedule.failed(
                attempts=attempts,
                created=_since(row),
                now=attempt.at + attempt.took,
                retry_after=attempt.retry_after,
            )
            _log.warning(
                "webhook failed",
                endpoint=endpoint,
                event_id=row["id"],
                attempts=attempts,
                reason=attempt.error,
                dead=fate is Fate.DEAD,
            )
        self._counts[fate].inc()
        return fate

    def _change(self, row: Row, fate: Fate, attempts: int, now: int) -> None:
        state = {Fate.DELIVERED: webhooks.DELIVERED, Fate.DEAD: webhooks.DEAD}.get(fate, webhooks.PENDING)
        if not self._changes:
            self._oldest = now
        self._changes[row["number"]] = {
            "number": row["number"],
            "state": state,
            "attempts": attempts,
            "due": self.schedule.due or now,
            "ended": None if fate is Fate.AGAIN else now,
        }

    async def _write_back(self) -> None:
        """What was tried, into the database; nothing more is sent before it is there."""
        while self._changes:
            attempts, changes = list(self._attempts), list(self._changes.values())

            async def work(
                connection: AsyncConnection,
                attempts: list[dict[str, Any]] = attempts,
                changes: list[dict[str, Any]] = changes,
            ) -> None:
                await webhooks.record(connection, attempts, changes)

            lease = self._courier._lease
            try:
                await lease.write(self._courier._database, work)
            except LostLeaseError:
                # Another gateway delivers now, and what this one has tried since counts for nothing
                self._stopping.set()
                self._attempts.clear()
                self._changes.clear()
                lease.lost.set()
            except SQLAlchemyError as error:
                _log.error("deliveries not written", endpoint=self.endpoint["id"], reason=str(error))
                await asyncio.sleep(_DATABASE_RETRY)
                continue
            self._attempts.clear()
            self._changes.clear()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _since(row: Row) -> int:
    """When a message began to wait: when it was written, or taken out of the dead letters."""
    since: int = row["replayed"] or row["created"]
    return since

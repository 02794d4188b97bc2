# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to one endpoint: its messages one after the other, each until it is delivered or dead."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.units import SECOND
from ganglion_gateway.leases import Lease, LostLeaseError
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import webhooks
from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.webhook.attempt import Attempt, Sender
from ganglion_gateway.webhook.schedule import Fate, Policy, Schedule

if TYPE_CHECKING:
    import aiohttp

_log = structlog.get_logger(__name__)

#: Messages read from the outbox at once, and attempts written back at once.
_PAGE = 512
#: Nanoseconds after which attempts are written back though more are on their way.
_WRITE_BACK = SECOND // 5
#: Seconds until the database is asked again that did not answer, and that it has when the lane ends.
_DATABASE_RETRY = 1.0
_LAST = 3.0


class Means(NamedTuple):
    """What all lanes of a gateway have: see `Courier`."""

    database: Database
    metrics: Metrics
    clock: Callable[[], int]
    policy: Policy
    on_tried: Callable[[], None]


class Lane:
    """One endpoint, while this gateway has its lease.

    Args:
        endpoint: Its row.
        on_end: Called with its task when that has ended.

    Attributes:
        lease: What is tried is written down only while nobody else was given it.
        schedule: When it is tried next.
        wake: Set when there may be messages.
        task: Delivers.
    """

    def __init__(
        self,
        means: Means,
        endpoint: Row,
        sender: Sender,
        lease: Lease,
        on_end: Callable[["asyncio.Task[None]"], None],
    ) -> None:
        self.endpoint = endpoint
        self.lease = lease
        self.wake = asyncio.Event()
        self.schedule = Schedule(means.policy)
        self.error = ""
        self._means = means
        self._sender = sender
        self._stopping = asyncio.Event()
        self._attempts: list[dict[str, Any]] = []
        self._changes: dict[int, dict[str, Any]] = {}
        self._oldest = 0  # when the first of these was made
        self._writing: asyncio.Task[None] | None = None
        outcomes = {fate: "failed" if fate is Fate.AGAIN else fate.value for fate in Fate}
        self._counts = {fate: means.metrics.deliveries.labels(outcome) for fate, outcome in outcomes.items()}
        self.task = asyncio.create_task(self._run(), name=f"webhook {endpoint['id']}")
        self.task.add_done_callback(on_end)

    @property
    def is_over(self) -> bool:
        """Whether it delivers no more: it has failed, or the endpoint is another gateway's."""
        return self.task.done() or not self.lease.held

    def stop(self) -> None:
        """Has it end after the attempt under way."""
        self._stopping.set()
        self.wake.set()

    async def _run(self) -> None:
        from ganglion_gateway.webhook.connection import client

        try:
            async with client(allow_private=self.endpoint["allow_private"]) as http:
                await self._deliver(http)
        finally:
            await asyncio.shield(self._write_last())

    async def _deliver(self, http: "aiohttp.ClientSession") -> None:
        rows = await self._read()
        if rows:
            self.schedule = Schedule(self._means.policy, failures=rows[0]["attempts"], due=rows[0]["due"])
        while self._goes_on:
            # The page behind a full one is read while that is sent
            ahead = asyncio.create_task(self._read(rows[-1]["number"])) if len(rows) == _PAGE else None
            try:
                for row in rows:
                    if self._goes_on:
                        await self._settle(http, row)
                if ahead is not None and (following := await ahead):
                    rows = following
                    continue
            finally:
                if ahead is not None:
                    ahead.cancel()
            await self._write_back()
            if not rows:
                await self.wake.wait()
            rows = await self._read()

    @property
    def _goes_on(self) -> bool:
        return not self._stopping.is_set() and self.lease.held

    async def _read(self, after: int = 0) -> list[Row]:
        """The first messages that wait behind a number."""
        while self._goes_on:
            self.wake.clear()
            try:
                return await webhooks.pending(self._means.database, self.endpoint["id"], after=after, limit=_PAGE)
            except SQLAlchemyError as error:
                _log.error("outbox not readable", endpoint=self.endpoint["id"], reason=str(error))
                await self._pause(_DATABASE_RETRY)
        return []

    async def _settle(self, http: "aiohttp.ClientSession", row: Row) -> None:
        """Tries one message until it is delivered or dead, or the gateway stops."""
        means = self._means
        attempts: int = row["attempts"]
        while self._goes_on:
            now = means.clock()
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
            if len(self._attempts) >= _PAGE:
                await self._write_back()
            elif means.clock() - self._oldest >= _WRITE_BACK:
                self._begin_writing()
            if fate is not Fate.AGAIN:
                return

    def _judge(self, row: Row, attempt: Attempt, attempts: int) -> Fate:
        metrics, endpoint = self._means.metrics, self.endpoint["id"]
        metrics.delivery.observe(attempt.took / SECOND)
        self.error = attempt.error
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

    def _begin_writing(self) -> None:
        """Has what was tried written while the next messages are sent."""
        if self._changes and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write(), name=f"webhook notes {self.endpoint['id']}")

    async def _write_back(self) -> None:
        """What was tried, into the database; nothing more is sent before it is there."""
        while self._changes:
            self._begin_writing()
            await self._written()

    async def _write_last(self) -> None:
        """The same once, as a stop must not wait for a database: what is not written is only delivered again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST):
                await self._written()
                self._begin_writing()
                await self._written()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        if self._changes:
            _log.error("deliveries not written", endpoint=self.endpoint["id"], delivered_again=len(self._changes))

    async def _written(self) -> None:
        """Waits for what is being written. Who waits no more does not break it off, so nothing is written twice."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        """Writes what was tried up to now; keeps it, after a pause, where the database refuses."""
        attempts, self._attempts = self._attempts, []
        changes, self._changes = self._changes, {}

        async def work(connection: AsyncConnection) -> None:
            await webhooks.record(connection, attempts, list(changes.values()))

        try:
            await self.lease.write(self._means.database, work)
        except LostLeaseError:
            # Another gateway delivers now, and what this one has tried since counts for nothing
            self._stopping.set()
            self.lease.lost.set()
        except (SQLAlchemyError, asyncio.CancelledError) as error:
            self._attempts, self._changes = attempts + self._attempts, changes | self._changes
            if isinstance(error, asyncio.CancelledError):
                raise
            _log.error("deliveries not written", endpoint=self.endpoint["id"], reason=str(error))
            await self._pause(_DATABASE_RETRY)
        self._means.on_tried()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _since(row: Row) -> int:
    """When a message began to wait: when it was written, or taken out of the dead letters."""
    since: int = row["replayed"] or row["created"]
    return since

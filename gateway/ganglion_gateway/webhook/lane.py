# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to one endpoint: its messages one after the other, each until it is delivered or dead."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from typing import Any, NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.units import SECOND
from ganglion_gateway.leases import Lease, LostLeaseError
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.store import webhooks
from ganglion_gateway.store.database import Database, Row, why
from ganglion_gateway.webhook.attempt import Attempt, Sender
from ganglion_gateway.webhook.channel import Channel
from ganglion_gateway.webhook.schedule import Fate, Policy, Schedule

_log = structlog.get_logger(__name__)

#: Messages read from the outbox at once, and attempts written back at once.
_PAGE = 512
#: Nanoseconds after which attempts are written back though more are on their way.
_WRITE_BACK = SECOND // 5
#: Seconds that a lane which has caught up lets messages gather, as each look and each note costs as much as for one.
_GATHER = 0.05
#: Seconds between looks at what waits first while it is not to be tried.
_LOOK = 1.0
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
        self._replayed = 0  # when somebody last had tried again what is first
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
        try:
            with Channel(self._sender) as channel:
                await self._deliver(channel)
        finally:
            await asyncio.shield(self._write_last())

    async def _deliver(self, channel: Channel) -> None:
        means = self._means
        restored = False
        while self._goes_on():
            self.wake.clear()
            limit = 1 if means.clock() < self.schedule.due else _PAGE
            try:
                rows = await webhooks.pending(means.database, self.endpoint["id"], limit=limit)
            except SQLAlchemyError as error:
                _log.error("outbox not readable", endpoint=self.endpoint["id"], reason=why(error))
                await self._pause(_DATABASE_RETRY)
                continue
            if rows and (not restored or (rows[0]["replayed"] or 0) > self._replayed):
                self.schedule = Schedule(means.policy, failures=rows[0]["attempts"], due=rows[0]["due"])
                self._replayed = rows[0]["replayed"] or 0
            restored = True
            waiting = deque(rows)
            while waiting and self._goes_on():
                await self._settle(channel, waiting)
            await self._write_back()
            if not rows:
                await self.wake.wait()
            elif limit == _PAGE and len(rows) < _PAGE:
                await self._pause(_GATHER)

    def _goes_on(self) -> bool:
        return not self._is_stopped() and self.lease.held

    def _is_stopped(self) -> bool:
        """As far as the thread that sends may look: a lease that has run out is ended by the loop alone."""
        return self._stopping.is_set() or self.lease.lost.is_set()

    async def _settle(self, channel: Channel, waiting: deque[Row]) -> None:
        """Tries messages in order until one fails or it is time to write down how they went; takes out what is over."""
        means, now = self._means, self._means.clock()
        if self._is_expired(waiting[0], now):
            row = waiting.popleft()
            self._change(row, Fate.DEAD, row["attempts"], now)
            _log.warning("webhook given up, too old", endpoint=self.endpoint["id"], event_id=row["id"])
            return
        if now < self.schedule.due:
            await self._write_back()
            await self._pause(min((self.schedule.due - now) / SECOND, _LOOK))
            waiting.clear()  # somebody may have said meanwhile, at whichever gateway, that it is to be tried at once
            return
        made: list[Attempt] = []
        try:
            await channel.send(
                takewhile(lambda row: not self._is_expired(row, now), list(waiting)),
                made,
                goes_on=lambda: not self._is_stopped() and means.clock() - now < _WRITE_BACK,
            )
        finally:
            for attempt in made:
                self._note(waiting, attempt)
        if len(self._attempts) >= _PAGE or means.clock() - self._oldest >= _WRITE_BACK:
            await self._write_back()

    def _is_expired(self, row: Row, now: int) -> bool:
        return self.schedule.expired(_since(row), now)

    def _note(self, waiting: deque[Row], attempt: Attempt) -> None:
        """An attempt to deliver what waits first."""
        row = waiting[0]
        row["attempts"] += 1
        fate = self._judge(row, attempt, row["attempts"])
        self._attempts.append(
            {
                "outbox": row["number"],
                "at": attempt.at,
                "took": attempt.took,
                "status": attempt.status,
                "error": attempt.error,
            }
        )
        self._change(row, fate, row["attempts"], attempt.at + attempt.took)
        if fate is not Fate.AGAIN:
            waiting.popleft()

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

    async def _write_back(self) -> None:
        """What was tried, into the database; nothing more is sent before it is there."""
        while self._changes:
            try:
                await self._write()
            except SQLAlchemyError as error:
                _log.error("deliveries not written", endpoint=self.endpoint["id"], reason=why(error))
                await asyncio.sleep(_DATABASE_RETRY)

    async def _write_last(self) -> None:
        """The same once, as a stop must not wait for a database: what is not written is only delivered again."""
        try:
            async with asyncio.timeout(_LAST):
                if self._writing is not None:  # whoever cancelled the lane did not cancel what it was writing
                    with suppress(SQLAlchemyError):
                        await asyncio.shield(self._writing)
                await self._write()
        except (SQLAlchemyError, TimeoutError) as error:
            again = len(self._changes)
            reason = f"no answer within {_LAST:g} s" if isinstance(error, TimeoutError) else why(error)
            _log.error("deliveries not written", endpoint=self.endpoint["id"], reason=reason, delivered_again=again)

    async def _write(self) -> None:
        if not self._changes:
            return
        # A task of its own: a piece of work that was handed to the writer is done, though nobody waits for it any more
        self._writing = asyncio.create_task(self._record(), name="attempts to deliver")
        await asyncio.shield(self._writing)

    async def _record(self) -> None:
        attempts, changes = list(self._attempts), list(self._changes.values())

        async def work(connection: AsyncConnection) -> None:
            await webhooks.record(connection, attempts, changes)

        try:
            await self.lease.write(self._means.database, work)
        except LostLeaseError:
            # Another gateway delivers now, and what this one has tried since counts for nothing
            self._stopping.set()
            self.lease.lose("another gateway was given it")
        finally:
            self._writing = None
        self._attempts.clear()
        self._changes.clear()
        self._means.on_tried()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _since(row: Row) -> int:
    """When a message began to wait: when it was written, or taken out of the dead letters."""
    since: int = row["replayed"] or row["created"]
    return since

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mesh brings, into the fleet in memory and the database: the shell between `GatewayRole` and the store."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.mesh.member import Received
from ganglion_gateway import rows, told
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.following import level_name
from ganglion_gateway.inventory import Inventory
from ganglion_gateway.live import Live
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import audit, crashes, events, fleet, jobs, logs, model_usage, rollouts
from ganglion_gateway.store.database import Database, why

_log = structlog.get_logger(__name__)

#: Readings that may wait for the disk. Telemetry: beyond, the new ones are dropped and counted.
_WAITING = 50_000
#: Readings in one statement.
_CHUNK = 4096
#: Events that this gateway remembers to have told of, and those of others that it reads at once.
_TOLD = 20_000
_FOLLOWED = 500
#: Seconds between looks at who is silent, between notes of when everybody was last heard, and between prunings.
_TICK = 1.0
_NOTE = 30.0
_PRUNE = 60.0
#: Streams whose old readings go by one transaction: of so many with as many readings as are kept in a part of a second.
_STREAMS = 200
_DATABASE_RETRY = 1.0


def shows_life(received: Received) -> bool:
    """Whether a node that sealed this is there, as far as is known by now.

    Its death may have come in the same read, or while this waited for the database.
    """
    peer = received.peer
    return not received.posthumous and (peer is None or (received.epoch, received.timestamp) >= peer.died)


class Intake:
    """Takes what members say.

    Args:
        database: Where it goes.
        fleet: The fleet in memory.
        live: Who watches.
        inventory: What nodes tell of themselves.
        metrics: Counts it.
        retention: What is deleted when.
        on_events: Given the rows of events that are committed, which may have caused webhooks and relays.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        on_birth: Called with the id of each node that is born.
        on_logs: Called when lines of logs are stored.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        live: Live,
        inventory: Inventory,
        *,
        metrics: Metrics,
        retention: Retention,
        on_events: Callable[[rows.Batch], None],
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._live = live
        self._inventory = inventory
        self._metrics = metrics
        for level in ("warning", "error"):
            metrics.logged.labels(level)  # from 0 on: the first one is an increase, too
        self._retention = retention
        self._on_events = on_events
        self._clock = clock
        self._readings: list[dict[str, Any]] = []
        self._births: dict[str, dict[str, Any]] = {}
        self._replaced: set[str] = set()
        self._nodes_due, self._readings_due = asyncio.Event(), asyncio.Event()
        self._told: dict[str, None] = {}  # the last ones, the first first
        self._newest: int | None = None
        self.on_birth: Callable[[str], None] = lambda node: None
        self.on_logs: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """What was there before a restart."""
        self._fleet.load(await fleet.all_nodes(self._database), await fleet.latest(self._database))
        for row in reversed(await events.page(self._database, cls="alert", node=None, before=None, limit=50)):
            self._fleet.alert(row)

    async def events(
        self, received: list[Received], *, first: Callable[[AsyncConnection], Awaitable[None]] | None = None
    ) -> None:
        """EVENTs: returns when they are committed, together with what they cause.

        Args:
            first: Done before, in the same transaction; what it raises undoes that, and is raised here.
        """
        now = self._clock()
        batch = rows.event_rows(received, now)
        if batch.refused:
            self._metrics.dropped.labels("event", "range").inc(batch.refused)

        async def work(connection: AsyncConnection) -> list[dict[str, Any]]:
            if first is not None:
                await first(connection)
            return await events.save(connection, batch, self._clock())

        new = await self._database.write(work)
        self._metrics.copies.inc(len(batch.events) - len(new))
        done = self._clock()
        receivers = {relay["event"]: relay["node"] for relay in batch.relays}
        for row in new:
            self._metrics.events.labels(row["cls"]).inc()
            self._metrics.ingest.observe((done - now) / 1e9)
            self._tell(row, receivers.get(row["id"], ""))
        self._note(batch, {row["id"] for row in new})
        for node in {one.node_id for one in received if shows_life(one)}:
            self._fleet.heard(node, now)
        if new:
            self._on_events(batch)

    def _tell(self, row: dict[str, Any], to: str) -> None:
        """Whoever watches, of an event that is stored."""
        if self._database.shared:
            self._told[row["id"]] = None
            while len(self._told) > _TOLD:
                del self._told[next(iter(self._told))]
        if row["cls"] == "alert":
            self._fleet.alert(row)
        self._live.event(self._fleet.name(row["node"]), row, to=to)

    async def follow(self) -> None:
        """Tells whoever watches of events that another gateway has stored. Numbers are committed in their order."""
        if self._newest is None:
            self._newest = await events.newest(self._database)
        while found := await events.since(self._database, self._newest, limit=_FOLLOWED):
            for row in found:
                to = row.pop("receiver") or ""
                if row["id"] not in self._told:
                    self._tell(row, to)
            self._newest = found[-1]["number"]

    def _note(self, batch: rows.Batch, new: set[str]) -> None:
        """What events say of how their nodes are."""
        for row in batch.episodes:
            if row["id"] in new:
                self._inventory.ran(row["node"], row["script"], row["status"], row["body"])
        for row in batch.crashes:
            if row["event"] in new:
                self._inventory.crashed(row)
                self._metrics.crashes.labels(row["kind"]).inc()
        for row in batch.logs:
            self._metrics.logged.labels(level_name(row["level"])).inc()
        if batch.logs:
            self.on_logs()

    def frames(self, received: list[Received]) -> None:
        """BATCHes of readings."""
        now = self._clock()
        for one in received:
            for leaf, vitals in told.vitals_of(one):
                self._inventory.vitals(one.node_id, leaf, vitals, now)
        wrong = {one.node_id for one in received if rows.clock_is_wrong(one, now) or self._fleet.doubts(one.node_id)}
        found, malformed = rows.reading_rows(received, now, wrong)
        taken, extra = self._fleet.read(found)
        for node, rows_of in groupby(taken, key=lambda row: row["node"]):
            self._live.readings(self._fleet.name(node), rows_of, wrong=node in wrong)
        for node in {one.node_id for one in received if shows_life(one)}:
            self._fleet.heard(node, now)
        room = _WAITING - len(self._readings)
        self._readings += taken[:room]
        self._readings_due.set()
        self._nodes_due.set()
        for cause, count in (("malformed", malformed), ("sensors", extra), ("full", len(taken) - room)):
            if count > 0:
                self._metrics.dropped.labels("reading", cause).inc(count)

    def birth(self, received: Received) -> None:
        """A BIRTH. Another gateway's is no node's."""
        if received.peer is not None and received.peer.is_gateway:
            return
        now = self._clock()
        if self._fleet.now(received.node_id) != received.node_id:
            return  # of the key before, which somebody still needs to verify what that has signed
        present = not (received.retained or received.posthumous)
        former = received.peer.credential.former if received.peer is not None else ""
        if former:
            self._births.pop(former, None)
            self._replaced.add(former)
        row = self._fleet.born(rows.node_row(received, now), present=present, now=now, former=former)
        self._fleet.doubt(row["id"], rows.clock_is_wrong(received, now))
        self._births[row["id"]] = row
        self._nodes_due.set()
        if present:
            self.on_birth(row["id"])

    def death(self, received: Received) -> None:
        """A DEATH."""
        self._fleet.died(received.node_id, self._clock())
        self._nodes_due.set()

    async def run(self) -> None:
        """Stores what came, notices who is silent and deletes what is old, until cancelled; then stores the rest."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._store(self._keep_nodes, self._nodes_due, "nodes"))
                tasks.create_task(self._store(self._keep_readings, self._readings_due, "readings"))
                tasks.create_task(self._watch())
                tasks.create_task(self._prune())
        finally:
            self._fleet.unsaved(node.id for node in self._fleet.nodes.values() if node.online)
            await asyncio.shield(self._keep_nodes())
            await asyncio.shield(self._keep_readings())

    async def _store(self, keep: Callable[[], Awaitable[None]], due: asyncio.Event, what: str) -> None:
        while True:
            await due.wait()
            due.clear()
            try:
                await keep()
            except SQLAlchemyError as error:
                _log.error(f"{what} not stored", waiting=len(self._readings), reason=why(error))
                await asyncio.sleep(_DATABASE_RETRY)
                due.set()

    async def _keep_nodes(self) -> None:
        births, self._births = self._births, {}
        replaced, self._replaced = self._replaced, set()
        presence = self._fleet.changes()
        if not (births or replaced or presence):
            return

        async def work(connection: AsyncConnection) -> None:
            await fleet.remove_nodes(connection, replaced)
            await fleet.save_nodes(connection, list(births.values()))
            await fleet.save_presence(connection, presence)

        try:
            await self._database.write(work, patient=True)
        except BaseException:
            self._births = {**births, **self._births}
            self._replaced |= replaced
            self._fleet.unsaved(change["id"] for change in presence)
            raise

    async def _keep_readings(self) -> None:
        readings, self._readings = self._readings, []
        if not readings:
            return
        # All gateways in one order: none has a row then that another waits for, and the other way round
        rows = sorted(readings, key=lambda row: (row["node"], row["sensor"], row["timestamp"]))

        async def work(connection: AsyncConnection) -> None:
            for start in range(0, len(rows), _CHUNK):
                await fleet.save_readings(connection, rows[start : start + _CHUNK])

        try:
            await self._database.write_readings(work)
        except BaseException:
            self._readings = (readings + self._readings)[:_WAITING]
            raise
        self._metrics.readings.inc(len(readings))

    async def _watch(self) -> None:
        noted = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            self._fleet.silence(self._clock())
            if time.monotonic() - noted >= _NOTE:
                noted = time.monotonic()
                self._fleet.unsaved(node.id for node in self._fleet.nodes.values() if node.online)
            self._nodes_due.set()

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(_PRUNE)
            streams, keep, now = self._fleet.streams, self._retention, self._clock()
            with suppress(SQLAlchemyError):  # it is tried again in a minute, and the store says what ails it
                for start in range(0, len(streams), _STREAMS):
                    some = streams[start : start + _STREAMS]
                    await self._database.write_readings(partial(fleet.prune, streams=some, keep=keep, now=now))
                for each in (events, audit, model_usage, logs, crashes, jobs, rollouts):
                    await self._database.write(partial(each.prune, keep=keep, now=now), patient=True)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells on `/ws` of what is in the database since: lines of logs, steps of rollouts, jobs and what becomes of them,
releases and what nodes say of them, and attempts to deliver.

It is read behind the number of the last, so each is told once, in the order in which it was committed, whichever of
several gateways has stored it; and what could not be stored is not told. Of a job that has changed twice meanwhile the
last change is told, and so it is of a release at a node.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ganglion_gateway.fleet import Fleet
from ganglion_gateway.following import log_document
from ganglion_gateway.jobs.shown import job_document, target_document
from ganglion_gateway.live import Live
from ganglion_gateway.release.register import release_of
from ganglion_gateway.rollout.desk import note_document
from ganglion_gateway.store import jobs, logs, releases, rollouts, webhooks
from ganglion_gateway.store.database import Database, Row, why

_log = structlog.get_logger(__name__)

#: Seconds between looks at what other gateways have stored, and until a database is asked again that did not answer.
_LOOK = 0.5
_RETRY = 1.0
#: Rows of one look.
_PAGE = 500
#: Stands for a release in a channel where a node is to run its own configuration.
OWN = "own"


class _Source(NamedTuple):
    """One kind of news: the number of the newest, those behind a number, how one is told, and what has its number."""

    newest: Callable[[Database], Awaitable[int]]
    since: Callable[..., Awaitable[list[Row]]]
    tell: Callable[[Row], Awaitable[None]]
    number: str


class StoredNews:
    """What one gateway tells.

    Args:
        database: Has what is told.
        fleet: Knows the names of nodes.
        live: Is told.
    """

    def __init__(self, database: Database, fleet: Fleet, live: Live) -> None:
        self._database = database
        self._fleet = fleet
        self._live = live
        self._sources = (
            _Source(logs.newest, logs.since, self._line, "number"),
            _Source(rollouts.newest_note, rollouts.notes_since, self._step, "number"),
            _Source(jobs.newest, jobs.since, self._job, "changed"),
            _Source(releases.newest, releases.since, self._release, "number"),
            _Source(releases.newest_change, releases.changes_since, self._report, "changed"),
            _Source(webhooks.newest_attempt, webhooks.attempts_since, self._attempt, "number"),
        )
        self._places: dict[_Source, int] = {}
        self._some = asyncio.Event()

    def wake(self) -> None:
        """Something was stored."""
        self._some.set()

    async def run(self) -> None:
        """Tells until cancelled."""
        away = False
        while True:
            try:
                for source in self._sources:
                    await self._look(source)
                away = False
            except SQLAlchemyError as error:
                if not away:
                    _log.error("what is stored is not told", reason=why(error))
                away = True
                await asyncio.sleep(_RETRY)
                self._some.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK if self._database.shared else None):
                    await self._some.wait()
            self._some.clear()

    async def _look(self, source: _Source) -> None:
        place = self._places.get(source)
        if place is None or not self._live.is_heard:
            self._places[source] = await source.newest(self._database)
            return
        while found := await source.since(self._database, place, limit=_PAGE):
            for row in found:
                await source.tell(row)
                place = self._places[source] = row[source.number]

    async def _line(self, row: Row) -> None:
        self._live.tell("logs", self._fleet.name(row["node"]), data=log_document(self._fleet, row))

    async def _step(self, row: Row) -> None:
        told = note_document(self._fleet, row)
        self._live.tell("rollouts", row["rollout"], data={"id": row["rollout"], **told})

    async def _release(self, row: Row) -> None:
        self._live.tell("releases", row["id"], data={"id": row["id"], "release": release_of(row).document})

    async def _report(self, row: Row) -> None:
        node = self._fleet.now(row["node"])
        told = {"node": node, "name": self._fleet.name(node), **{name: row[name] for name in ("state", "why", "at")}}
        self._live.tell("releases", row["release"] or OWN, told["name"], data={"id": row["release"], "node": told})

    async def _attempt(self, row: Row) -> None:
        told = {name: row[name] for name in ("message", "event", "state", "attempts", "at", "took", "status", "error")}
        self._live.tell("webhooks", row["endpoint"], data={"webhook": row["endpoint"], **told})

    async def _job(self, row: Row) -> None:
        if "node" in row:
            self._live.tell("jobs", row["job"], data={"id": row["job"], "node": target_document(row)})
            return
        counts = await jobs.counts(self._database, [row["id"]])
        self._live.tell("jobs", row["id"], data={"id": row["id"], "job": job_document(row, counts[row["id"]])})

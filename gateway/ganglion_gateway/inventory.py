# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory's facts of each node: kept in the fleet in memory, and in the database every half a minute."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.facts import Crash, Facts, Refusal
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.store import audit, crashes, facts, releases
from ganglion_gateway.store.database import Database

#: Seconds between two notes of the vitals that came, and between two looks at what other gateways have written.
_NOTE = 30.0
_LOOK = 1.0
#: Nanoseconds by which the clocks of gateways may differ.
_BEHIND = 60 * SECOND
#: Tags of one node, leaves and scripts of one that are remembered, and letters of why one fails.
MAX_TAGS = 64
_MOST = 256
_WHY = 200
#: Crashes that are looked at when the gateway starts, and reports of releases in one look.
_CRASHES = 5000
_REPORTS = 500


class Inventory:
    """That of one gateway.

    Args:
        database: Keeps it.
        fleet: Has the nodes.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, database: Database, fleet: Fleet, clock: Callable[[], int]) -> None:
        self._database = database
        self._fleet = fleet
        self._clock = clock
        self._dirty: set[str] = set()
        self._read_to = 0
        self._reported_to = 0
        self._reports = asyncio.Event()

    async def load(self) -> None:
        """What was known before a restart. The fleet must be."""
        for each in self._fleet.nodes.values():
            each.facts.since = self._clock()
        for row in await facts.all_of(self._database):
            if (node := self._known(row["node"])) is None:
                continue
            found = node.facts
            found.vitals, found.vitals_at, found.leaves = row["vitals"], row["vitals_at"], row["leaves"]
            self._retag(node, row)
        for row in reversed(await crashes.newest(self._database, nodes=None, leaf=None, limit=_CRASHES)):
            self.crashed(row)
        await self._read_reports()
        for row in await facts.failing(self._database):
            self.ran(row)

    def _retag(self, node: Node, row: dict[str, Any]) -> None:
        found = node.facts
        if row["changed"] > found.changed:
            found.added, found.removed, found.changed = row["added"], row["removed"], row["changed"]
        self._read_to = max(self._read_to, row["changed"])
        node.retag()

    def _known(self, node: str) -> Node | None:
        return self._fleet.nodes.get(self._fleet.now(node))

    def vitals(self, node: str, leaf: str, said: dict[str, Any], now: int) -> None:
        """A node says how it is, or one of its leaves."""
        if (known := self._known(node)) is None:
            return
        if not leaf:
            known.facts.vitals, known.facts.vitals_at = said, now
        elif leaf in known.facts.leaves or len(known.facts.leaves) < _MOST:
            known.facts.leaves[leaf] = {**said, "at": now}
        known.changed += 1
        self._dirty.add(known.id)

    def crashed(self, row: dict[str, Any]) -> None:
        """A row of `crashes`."""
        known = self._known(row["node"])
        if known is not None and (known.facts.crash is None or known.facts.crash.at <= row["at"]):
            known.facts.crash = Crash(**{name: row[name] for name in ("id", "at", "kind", "text", "leaf")})
            known.changed += 1

    def ran(self, row: dict[str, Any]) -> None:
        """A row of `episodes`: a run of a script has ended."""
        if (known := self._known(row["node"])) is None:
            return
        failing = known.facts.failing
        failing.pop(row["script"], None)
        other = row["started"] < known.facts.scripts_since  # it may have no such script any more
        if row["status"] == "failed" and not other and len(failing) < _MOST:
            failing[row["script"]] = str(row["body"].get("error") or "it does not say why")[:_WHY]

    def reported(self) -> None:
        """Nodes have said something of releases, or were assigned some: it is stored."""
        self._reports.set()

    async def _read_reports(self) -> None:
        self._reports.clear()
        try:
            while rows := await releases.changes_since(self._database, self._reported_to, limit=_REPORTS):
                for row in rows:
                    self._stands(row)
                self._reported_to = rows[-1]["changed"]
        except BaseException:
            self._reports.set()  # they are looked at again
            raise

    def _stands(self, row: dict[str, Any]) -> None:
        """A row of `release_reports`."""
        if (known := self._known(row["node"])) is None:
            return
        found, state = known.facts, row["state"]
        refuses = state in ("reverted", "failed")
        found.refusal = Refusal(row["release"], state, row["why"], row["received"]) if refuses else None
        if state in ("trial", "healthy", "committed", "reverted"):  # it has started with other scripts
            found.scripts_since = min(row["at"], row["received"])
            found.failing.clear()
        known.changed += 1

    async def tag(self, node: Node, *, add: Iterable[str], remove: Iterable[str], by: str) -> Node:
        """Gives a node tags and takes others away, for selectors and groups.

        Raises:
            InvalidError: it would have too many, has none that is to go, or is to gain and lose one.
        """
        added, gone, found = list(dict.fromkeys(add)), list(dict.fromkeys(remove)), node.facts
        if both := [tag for tag in added if tag in gone]:
            raise InvalidError(say("{tag!r} is to be given and taken away: say which", tag=both[0]), where="tags")
        if missing := [tag for tag in gone if tag not in node.tags]:
            has = ", ".join(node.tags) or say("none")
            raise InvalidError(
                say("{name} has no tag {tag!r}; it has {has}", name=node.name, tag=missing[0], has=has),
                where="tags",
            )
        made = Facts(
            credential=found.credential,
            added=[tag for tag in dict.fromkeys([*found.added, *added]) if tag not in {*gone, *found.credential}],
            removed=[tag for tag in dict.fromkeys([*found.removed, *gone]) if tag in found.credential],
        )
        made.removed = [tag for tag in made.removed if tag not in added]
        if len(made.tags) > MAX_TAGS:
            raise InvalidError(
                say(
                    "{name} would have {count} tags, and {most} is the limit",
                    name=node.name,
                    count=len(made.tags),
                    most=MAX_TAGS,
                ),
                where="tags",
            )
        now = self._clock()
        row = {**_row(node), "added": made.added, "removed": made.removed, "changed": now}
        detail = {"name": node.name, "added": added, "removed": gone, "tags": made.tags}

        async def work(connection: AsyncConnection) -> None:
            await facts.save_tags(connection, row)
            await audit.record(connection, at=now, actor=by, action="node.tag", target=node.id, detail=detail)

        await self._database.write(work)
        found.added, found.removed, found.changed = made.added, made.removed, now
        node.retag()
        return node

    async def run(self) -> None:
        """Keeps what came, until cancelled; then the rest."""
        noted = time.monotonic()
        try:
            while True:
                await asyncio.sleep(_LOOK)
                with suppress(SQLAlchemyError):  # it is tried again, and the store says what ails it
                    if self._database.shared:
                        await self._read()
                    if self._database.shared or self._reports.is_set():
                        await self._read_reports()
                    if time.monotonic() - noted >= _NOTE:
                        noted = time.monotonic()
                        await self._save()
        finally:
            await asyncio.shield(self._save())

    async def _read(self) -> None:
        """Tags that were set at another gateway. Its clock may be behind ours by a little."""
        for row in await facts.changed(self._database, self._read_to - _BEHIND):
            if (node := self._known(row["node"])) is not None:
                self._retag(node, row)

    async def _save(self) -> None:
        dirty, self._dirty = self._dirty, set()
        rows = [_row(node) for id in dirty if (node := self._known(id)) is not None]
        try:
            await self._database.write(lambda connection: facts.save_vitals(connection, rows), patient=True)
        except BaseException:
            self._dirty |= dirty
            raise


def _row(node: Node) -> dict[str, Any]:
    found = node.facts
    return {
        "node": node.id,
        "added": found.added,
        "removed": found.removed,
        "vitals": found.vitals,
        "vitals_at": found.vitals_at,
        "leaves": found.leaves,
        "changed": found.changed,
    }

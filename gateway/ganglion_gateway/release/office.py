# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node should run which release, and what has become of it: assigned, made known, handed out, heard of.

A node is told when it is assigned something and each time it is born; it also asks by itself. What it may fetch is what
it should run, and nothing else.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError
from ganglion.mesh.member import Peer
from ganglion.release.manifest import MAX_FILE
from ganglion.release.pull import CHUNK
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.release.register import Register, Release
from ganglion_gateway.release.reported import reported
from ganglion_gateway.rollout.contract import Fence, Report, Reported
from ganglion_gateway.store import releases as store
from ganglion_gateway.store.database import Database, Row, why

_log = structlog.get_logger(__name__)

#: Seconds that a node has to confirm what it is told, and how many are told at a time.
_PATIENCE = 10.0
_TOGETHER = 32


class Mesh(Protocol):
    """What asks a node: see `MeshClient.request`."""

    def __call__(self, method: str, params: dict[str, Any], *, to: str, timeout: float) -> Awaitable[Any]:
        """Its answer."""
        ...


class Office:
    """The releases of every node.

    Args:
        database: Holds it.
        fleet: Knows who is there.
        register: All releases.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        register: All releases.
    """

    def __init__(self, database: Database, fleet: Fleet, register: Register, clock: Callable[[], int]) -> None:
        self._database = database
        self._fleet = fleet
        self._clock = clock
        self._due: set[str] = set()
        self._wake = asyncio.Event()
        self.register = register
        self._listeners: list[Callable[[Report], None]] = []

    # What operators, and rollouts, do

    async def find(self, release: str) -> Release:
        """See `Register.find`."""
        return await self.register.find(release)

    async def assign(
        self,
        node: str,
        release: str | None,
        *,
        by: str,
        again: bool = False,
        fence: Fence | None = None,
        since: int = 0,
    ) -> None:
        """Has a node run a release from now on, or None for its own configuration. On the disk when it returns.

        Another `by` has what failed there before tried again; the same again by the same changes nothing.

        Args:
            node: Its id or name.
            release: Its id.
            by: Who wants it.
            again: Have it tried again whoever has wanted it before.
            fence: Is awaited first in the same transaction, and raises where nothing is to be assigned any more.
            since: Nanoseconds before which it is not, whatever clock this gateway has.

        Raises:
            NotFoundError: there is no such node or release.
            RefusedError: the node was revoked.
        """
        known = self._fleet.find(node)
        if known.revoked is not None:
            raise RefusedError(f"{known.name} was revoked: it is in the mesh no more")
        if release is not None:
            release = (await self.register.find(release)).id
        now, why = (
            max(self._clock(), since),
            "" if known.online else f"{known.name} is offline, and is told when it is back",
        )

        async def work(connection: AsyncConnection) -> Row | None:
            if fence is not None:
                await fence(connection)
            return await store.assign(connection, known.ids, release, now=now, by=by, why=why, again=again)

        row = await self._database.write(work)
        if row is not None:
            self._tell(row)
            self.born(known.id)

    async def assigned(self, nodes: Sequence[str]) -> dict[str, str]:
        """The release that each of these is to run, where it is to run one."""
        rows = await store.all_assignments(self._database, nodes, self._fleet.now)
        return {node: row["release"] for node, row in rows.items() if row["release"] is not None}

    async def standing(self, nodes: Sequence[str]) -> list[Report]:
        """The last word of each of these on what it is to run."""
        rows = await store.all_reports(self._database, nodes, self._fleet.now)
        return [_said({**row, "node": node}) for node, row in rows.items()]

    async def said(self, since: int) -> list[Report]:
        """The last word of every node that was heard since a time, each on what the node is to run by now."""
        found: dict[str, Report] = {}
        for row in await store.reports_since(self._database, since):
            node, wanted = self._fleet.now(row["node"]), row["wanted"]
            if wanted is None and node in self._fleet.nodes:  # assigned under the id that it had before
                assigned = await store.assignment(self._database, self._fleet.nodes[node].ids)
                wanted = None if assigned is None else assigned["number"]
            if row["number"] == wanted:
                found[node] = _said({**row, "node": node})
        return list(found.values())

    def listen(self, hear: Callable[[Report], None]) -> Callable[[], None]:
        """Has every report told after it is committed, until what is returned is called; also that a node waits."""
        self._listeners.append(hear)
        return lambda: self._listeners.remove(hear)

    async def document(self, node: Node) -> dict[str, Any]:
        """What a node should run, and what it has said of it; nulls before any word."""
        wanted = await store.assignment(self._database, node.ids)
        return _document(wanted, await store.report(self._database, node.ids))

    async def documents(self, nodes: Sequence[Node]) -> dict[str, dict[str, Any]]:
        """The same of each of a page of nodes, by id."""
        ids = [id for node in nodes for id in node.ids]
        wanted = await store.assignments_of(self._database, ids, self._fleet.now)
        reports = await store.reports_of(self._database, ids, self._fleet.now)
        return {node.id: _document(wanted.get(node.id), reports.get(node.id)) for node in nodes}

    async def meant(self) -> Counter[str]:
        """How many nodes are to run each release; those that were revoked are none."""
        assigned = await self.assigned([node.id for node in self._fleet.nodes.values() if node.revoked is None])
        return Counter(assigned.values())

    async def nodes(self, release: str) -> list[dict[str, Any]]:
        """The nodes that are to run a release, and what each has said of it."""
        ids = [node.id for node in self._fleet.nodes.values() if node.revoked is None]
        wanted = await store.all_assignments(self._database, ids, self._fleet.now)
        wanted = {id: row for id, row in wanted.items() if row["release"] == release}
        reports = await store.all_reports(self._database, wanted, self._fleet.now)
        found = []
        for id, row in wanted.items():
            node, report = self._fleet.nodes[id], reports.get(id)
            said = {"state": "waiting", "why": "", "reported": None}
            if report is not None and report["number"] == row["number"]:
                said = {"state": report["state"], "why": report["why"], "reported": report["received"]}
            found.append(
                {"node": id, "name": node.name, "online": node.online, "at": row["at"], "by": row["by"]} | said
            )
        return found

    def _tell(self, row: Row) -> None:
        for hear in tuple(self._listeners):
            try:
                hear(_said(row))
            except Exception as error:  # of who looks on
                _log.error("who listens to releases failed", exc_info=error)

    # What nodes are told

    def born(self, node: str) -> None:
        """This node is to be told what it should run, if anything."""
        self._due.add(node)
        self._wake.set()

    async def run(self, request: Mesh) -> None:
        """Tells nodes what they should run, until cancelled."""
        limit = asyncio.Semaphore(_TOGETHER)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._wake.wait()
                self._wake.clear()
                due, self._due = self._due, set()
                for id in due:
                    await limit.acquire()
                    tasks.create_task(self._push(request, id)).add_done_callback(lambda _: limit.release())

    async def _push(self, request: Mesh, id: str) -> None:
        node = self._fleet.nodes.get(self._fleet.now(id))
        if node is None or not node.online:
            return  # it is told when it is born, and asks by itself
        try:
            wanted = await store.assignment(self._database, node.ids)
            report = await store.report(self._database, node.ids)
            if wanted is None or (
                report and report["number"] == wanted["number"] and report["state"] in ("committed", "reverted")
            ):
                return
            await request("release.desire", _word(wanted), to=node.id, timeout=_PATIENCE)
        except (GanglionError, SQLAlchemyError) as error:
            _log.info("a node was not told of its release, and asks by itself", node=node.id, reason=why(error))

    # What nodes ask

    async def desired(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The method `release.desired`: what the node that asks should run."""
        wanted = await store.assignment(self._database, self._ids(peer))
        return {"number": 0, "release": ""} if wanted is None else _word(wanted)

    async def manifest(self, params: dict[str, Any], peer: Peer) -> bytes:
        """The method `release.manifest`: the authority's word for the release that the node should run."""
        release = await self._its(params, peer)
        found = await store.message(self._database, release)
        if found is None:
            raise NotFoundError(f"there is no release {release[:12]} any more")
        return bytes(found)

    async def chunk(self, params: dict[str, Any], peer: Peer) -> bytes:
        """The method `release.chunk`: a piece of a file of that release."""
        release = await self._its(params, peer)
        file, offset, length = params.get("file"), params.get("offset"), params.get("length")
        if type(file) is not bytes or len(file) != 32:
            raise InvalidError("is the SHA-256 of a file", where="params.file")
        if type(offset) is not int or type(length) is not int or not 0 <= offset <= MAX_FILE or not 0 < length <= CHUNK:
            raise InvalidError(f"an offset, and 1 to {CHUNK} bytes", where="params.length")
        found = await store.chunk(self._database, release, file.hex(), offset, length)
        if found is None:
            raise NotFoundError(f"the release {release[:12]} has no such file")
        return found

    async def report(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The method `release.report`: what has become of a release; committed when it is answered."""
        row = reported(params)
        wanted = await store.assignment(self._database, self._ids(peer))
        if wanted is None or (row["number"], row["release"]) != (wanted["number"], wanted["release"]):
            return {"serial": row["serial"]}  # of something that it should not run any more
        row |= {"node": peer.node_id, "received": max(self._clock(), wanted["at"])}  # another gateway assigned it
        # A node that starts anew cancels what it asks: what is committed is told all the same
        await asyncio.shield(self._keep(row))
        return {"serial": row["serial"]}

    async def _keep(self, row: Row) -> None:
        """Writes a report, and says it to who listens where it is new."""
        if await self._database.write(lambda connection: store.save_report(connection, row)):
            _log.info("release", node=row["node"], release=row["release"], state=row["state"], why=row["why"])
            self._tell(row)

    def _ids(self, peer: Peer) -> list[str]:
        known = self._fleet.nodes.get(self._fleet.now(peer.node_id))
        former = peer.credential.former
        return list(dict.fromkeys([peer.node_id, *(known.ids if known else ()), *([former] if former else ())]))

    async def _its(self, params: dict[str, Any], peer: Peer) -> str:
        """The release that a node asks for, which must be the one that it should run."""
        release = params.get("release")
        wanted = await store.assignment(self._database, self._ids(peer))
        if not isinstance(release, str) or wanted is None or wanted["release"] != release:
            raise RefusedError(f"{peer.name} is not to run this release")
        return release


def _document(wanted: Row | None, report: Row | None) -> dict[str, Any]:
    desired = None if wanted is None else {name: wanted[name] for name in ("release", "at", "by")}
    reported = None if report is None else {name: report[name] for name in ("release", "state", "why", "at")}
    return {"desired": desired, "reported": reported}


def _said(row: Row) -> Report:
    return Report(row["node"], row["release"], Reported(row["state"]), row["why"], row["received"])


def _word(wanted: Row) -> dict[str, Any]:
    return {"number": wanted["number"], "release": wanted["release"] or ""}

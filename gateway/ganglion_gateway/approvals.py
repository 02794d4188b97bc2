# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that wait for an operator, in memory and in the database: a restart loses neither request nor approval."""

from collections.abc import Callable, Sequence

from ganglion.errors import NotFoundError, UnfitError
from ganglion.mesh.identity import fingerprint
from ganglion.mesh.pending import Approval, Asking, Waiting
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.store import asking
from ganglion_gateway.store.database import Database

#: How long an approval waits for its node to fetch it. A key that is stolen later gets nothing by it.
FETCH = 86400 * SECOND


class Approvals:
    """The mesh's `Approvals`, in the database.

    Args:
        database: Holds them.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._waiting = Waiting()

    async def load(self) -> None:
        """What was there before a restart; approvals that nobody fetched in time go."""
        before = self._clock() - FETCH
        await self._database.write(lambda connection: asking.prune(connection, before))
        self._waiting.load(await asking.waiting(self._database))

    async def refresh(self) -> None:
        """Who has asked another gateway since, and whom an operator has decided on there."""
        rows = {one.node_id: one for one in await asking.waiting(self._database)}
        for known in self._waiting.all:
            if known.node_id in rows and known.last > rows[known.node_id].last:
                rows[known.node_id] = known  # when it asked last is not written down
        self._waiting.load(list(rows.values()))

    async def ask(self, node_id: str, public: bytes, name: str, now: int) -> Approval | None:
        """See `ganglion.mesh.pending.Approvals`."""
        row = await asking.approved(self._database, node_id, self._clock() - FETCH)
        if row is not None:
            return Approval(name=row["name"], tags=tuple(row["tags"]))
        known = self._waiting.find(node_id)
        one, gone = self._waiting.ask(node_id, public, name, now)
        if known is None or known.name != name:  # when it asked last is the memory's alone: a stranger buys no writes
            await self._database.write(lambda connection: asking.save(connection, one, gone))
        return None

    @property
    def all(self) -> list[Asking]:
        """Who waits, the first first."""
        return sorted(self._waiting.all, key=lambda one: one.first)

    def find(self, who: str) -> Asking:
        """Who waits under an id or fingerprint, written with or without its dashes.

        Raises:
            NotFoundError: nobody does.
            UnfitError: too few letters to be sure.
        """
        letters = who.lower().replace("-", "").replace(" ", "")
        if len(letters) < 16:
            raise UnfitError(say("{who!r} is too short to be sure: give all 16 letters of the fingerprint", who=who))
        found = [one for one in self._waiting.all if one.node_id.startswith(letters)]
        if len(found) != 1:
            raise NotFoundError(
                say(
                    "no node with the fingerprint {who} waits: compare it with `ganglion devices "
                    "pending`, and see that the node runs",
                    who=who,
                )
            )
        return found[0]

    async def approve(self, one: Asking, *, name: str, tags: Sequence[str]) -> Approval:
        """Lets a node in that waits; it fetches its credential with its next question."""
        given = Approval(name=name or one.name, tags=tuple(tags))
        at = self._clock()
        await self._database.write(
            lambda connection: asking.approve(connection, one, name=given.name, tags=given.tags, at=at)
        )
        self._waiting.remove(one.node_id)
        return given

    async def dismiss(self, node_id: str) -> bool:
        """Forgets a node that waits, or an approval; whether it waited."""
        waited = self._waiting.find(node_id) is not None
        self._waiting.remove(node_id)
        await self._database.write(lambda connection: asking.remove(connection, [node_id]))
        return waited


def document(one: Asking, *, taken: bool) -> dict[str, object]:
    """A node that waits, as JSON. `taken`: another node has the name that it asks for."""
    return {
        "id": one.node_id,
        "fingerprint": fingerprint(one.node_id),
        "name": one.name,
        "taken": taken,
        "first": one.first,
        "last": one.last,
    }

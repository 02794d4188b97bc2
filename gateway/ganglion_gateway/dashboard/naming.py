# SPDX-License-Identifier: GPL-3.0-or-later
"""What releases are called, for tables of which each line has the id of one."""

from collections.abc import Iterable

from ganglion.client.operations import releases
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.visit import Visit

#: Letters of an id that stand for it, and releases that are asked for at once.
SHORT = 12
_AT_ONCE = 100


class Names:
    """The names of one page; a release's id and name never change, so each is asked for once."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._known: dict[str, str] = {}

    async def learn(self, ids: Iterable[str | None]) -> None:
        """Has these be known, from the list of the newest where they are in it. Raises: LoggedOutError."""
        wanted = {id for id in ids if id} - self._known.keys()
        if not wanted:
            return
        if not self._known:
            newest = (await self._visit.ask(releases.get_releases(limit=_AT_ONCE)))["releases"]
            self._known |= {each["id"]: text.whole(each["name"]) for each in newest}
        for id in sorted(wanted - self._known.keys()):
            try:
                self._known[id] = text.whole((await self._visit.ask(releases.get_releases_release(id)))["name"])
            except GanglionError:
                self._known[id] = id[:SHORT]  # there is none any more

    def of(self, id: str | None) -> str:
        """The name of a release; a dash for none."""
        return "–" if id is None else self._known.get(id, text.whole(id)[:SHORT])

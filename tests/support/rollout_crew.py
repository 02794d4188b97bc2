# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a real gateway that are not there: born in its fleet, and reporting as real ones do what they are to run.

crew = Crew(site, 10)
async with crew.working(): ...      # each takes what it is assigned
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from ganglion.mesh.member import Peer
from ganglion_gateway.store import releases
from support.gateway import Here

_GOOD = ("downloading", "staged", "trial", "healthy", "committed")
_BAD = ("downloading", "staged", "trial", "reverted")


class Crew:
    """Some nodes.

    Args:
        site: Their gateway.
        count: How many: `n0`, `n1`, …
        breaks: Whether a node goes back from a release.
    """

    def __init__(
        self, site: Here, count: int, *, breaks: Callable[[str, str | None], bool] = lambda name, release: False
    ) -> None:
        self.site, self._breaks = site, breaks
        self.names = {f"n{i}".ljust(26, "a"): f"n{i}" for i in range(count)}
        self.runs: dict[str, str | None] = dict.fromkeys(self.names)
        self._numbers: dict[str, int] = {}
        self._serial = 0
        for node, name in self.names.items():
            self.bear(node, name=name)

    def bear(self, node: str, **fields: Any) -> None:
        """A node is there."""
        now = self.site.services.clock()
        row = {"id": node, "name": node, "board": "sim", "sw": "ganglion/0.1.0", "epoch": 1, "tags": ["all"]}
        row |= {"caps": {"sensors": {"t": {}}}, "credential_expires": 0, "online": False, "died": None}
        row |= {"first_seen": now, "last_seen": now, **fields}
        self.site.services.fleet.born(row, present=True, now=now)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """They do what they are to do, until the block ends."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        fleet = self.site.services.fleet
        while True:
            for node in self.names:
                fleet.heard(node, self.site.services.clock())
                wanted = await releases.assignment(self.site.services.database, [node])
                if wanted is not None and self._numbers.get(node) != wanted["number"]:
                    self._numbers[node] = wanted["number"]
                    await self._take(node, wanted)
            await asyncio.sleep(0.05)

    async def _take(self, node: str, wanted: dict[str, Any]) -> None:
        release: str | None = wanted["release"]
        breaks = self._breaks(self.names[node], release)
        states = ("committed",) if self.runs[node] == release else _BAD if breaks else _GOOD
        for state in states:
            self._serial += 1
            said = {"number": wanted["number"], "serial": self._serial, "at": self.site.services.clock()}
            said |= {"release": release or "", "state": state, "why": "no sensors" if state == "reverted" else ""}
            peer = SimpleNamespace(node_id=node, name=node, credential=SimpleNamespace(former=""))
            await self.site.services.releases.report(said, cast(Peer, peer))
        if not breaks:
            self.runs[node] = release

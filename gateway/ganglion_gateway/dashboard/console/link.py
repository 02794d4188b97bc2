# SPDX-License-Identifier: GPL-3.0-or-later
"""A session at a console on behalf of who looks at a page: its questions go through the API, as the command's do."""

from typing import Any

from ganglion.client.operations import fleet
from ganglion.console.session import WAIT, Asked, Came, IsSet, Session
from ganglion_gateway.dashboard.visit import Visit


class Link:
    """One session; what is read and what is written may be under way at the same time.

    Every method raises GanglionError with what the node or the gateway says.
    """

    def __init__(self, visit: Visit, target: str, columns: int, rows: int) -> None:
        self._visit = visit
        self.session = Session(target, columns=columns, rows=rows)

    async def open(self, *, take: bool = False) -> None:
        """Begins the session, or finds it again."""
        self.session.opened(await self._ask(self.session.opening(take=take)))

    async def read(self, wait: float = WAIT) -> Came:
        """What came since the last time, or comes within so many seconds."""
        return self.session.read(await self._ask(self.session.reading(wait)))

    async def line(self, line: str) -> Any:
        """What comes of a line."""
        return self.session.entered(await self._ask(self.session.entering(line)))[1]

    async def type(self, data: str) -> None:
        """Types into the shell."""
        for each in self.session.typing(data):
            await self._ask(each)

    async def write(self, data: bytes) -> tuple[int, bool]:
        """How many of some bytes the port was given, and whether it is there."""
        return self.session.wrote(await self._ask(self.session.writing(data)))

    async def set(self, **what: Any) -> IsSet:
        """How the port is set then."""
        return self.session.was_set(await self._ask(self.session.setting(**what)))

    async def resize(self, columns: int, rows: int) -> None:
        """The window has this size now; a shell is told so."""
        await self._ask(self.session.resizing(columns, rows))

    async def close(self) -> None:
        """Ends it."""
        await self._ask(self.session.closing())

    async def _ask(self, asked: Asked) -> Any:
        call = fleet.post_nodes_node_commands(
            self.session.node, method=asked.method, params=asked.params, timeout=asked.seconds
        )
        return (await self._visit.ask(call.within(asked.seconds)))["result"]

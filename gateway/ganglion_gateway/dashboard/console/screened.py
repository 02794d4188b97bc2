# SPDX-License-Identifier: GPL-3.0-or-later
"""What the terminals of a console have in common: a screen, the session behind it, and how both end."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

from nicegui import ui

from ganglion.console.harmless import Harmless
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard.console.link import Link
from ganglion_gateway.dashboard.visit import Visit


class Screened(ABC):
    """A screen, and the session that it is of.

    Args:
        name: What people call what the session is with.
        screen: Shows it.
        changed: Is called when another one writes, or the session is over.
        link: The session.

    Attributes:
        link: The session.
        is_over: Whether it has ended, and nothing more comes.
        is_away: Whether the node, or its port, is not there.
    """

    def __init__(self, visit: Visit, name: str, screen: ui.xterm, changed: Callable[[], None], link: Link) -> None:
        self._visit = visit
        self._say = visit.say
        self._screen = screen
        self._changed = changed
        self._name = name
        self._harmless = Harmless()
        self._writer: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.link = link
        self.is_over = self.is_away = False

    @abstractmethod
    def drop(self) -> None:
        """Forgets what was pasted and is not begun, as nobody sees what comes of it."""

    async def end(self) -> None:
        """Closes the session; what was pasted and is not begun is not carried out."""
        self.drop()
        for each in self._tasks:
            each.cancel()
        if not self.is_over:
            self.is_over = True
            with suppress(GanglionError):
                await self.link.close()

    async def take(self) -> None:
        """Writes from now on, where the policy lets who is here."""
        try:
            await self.link.open(take=True)
        except GanglionError as error:
            self._complain(error)
        self._changed()

    def _complain(self, error: GanglionError) -> None:
        with self._screen:
            self._visit.complain(error)

    def _leave(self) -> None:
        with self._screen:
            self._visit.log_in()

    def _put(self, text: str) -> None:
        if text:
            self._screen.write(text)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that go on over several runs. The runs of one go one after another, each on what the last has left."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ganglion.errors import GanglionError
from ganglion.mova.ports import SessionStore
from ganglion_micro.effects import Done

_log = logging.getLogger(__name__)

#: Begins a run with what was kept of its session, or with why that cannot be had.
Start = Callable[[dict[str, Any] | GanglionError], "asyncio.Future[Done]"]


class _Turn:
    """Whose turn it is in one session, and how many want it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Conversations:
    """Loads, runs and saves.

    Attributes:
        under_way: Runs that wait for their turn, or are to be saved.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._turns: dict[str, _Turn] = {}
        self.under_way: set[asyncio.Task[None]] = set()

    def begin(self, session_id: str, ttl: int, start: Start) -> "asyncio.Task[None]":
        """Calls `start` when it is the turn of this run; cancelling the task before takes it out of the queue.

        Args:
            ttl: Seconds that the session is kept from the end of the run.
        """
        task = asyncio.get_running_loop().create_task(self._turn(session_id, ttl, start), name=f"session {session_id}")
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return task

    async def _turn(self, session_id: str, ttl: int, start: Start) -> None:
        turn = self._turns.setdefault(session_id, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                try:
                    kept = await self._store.load(session_id)
                except GanglionError as error:
                    await start(error)
                else:
                    done = await start(kept or {})
                    await self._save(session_id, kept, done.data, ttl)
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[session_id]

    async def _save(self, session_id: str, before: dict[str, Any] | None, after: dict[str, Any], ttl: int) -> None:
        try:
            await self._store.save(session_id, before, after, ttl)
        except GanglionError as error:
            _log.error("the session %s is not kept: %s", session_id, error)

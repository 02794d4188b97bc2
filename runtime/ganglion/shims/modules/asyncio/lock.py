# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock for tasks, given from one to the next in the order in which they asked."""

import asyncio
from collections import deque

from ganglion.shims.modules.asyncio.core import get_event_loop


class Lock:
    """One task at a time has it."""

    def __init__(self) -> None:
        self._held = False
        self._given = False  # to a task that has not had its turn since
        self._waiting: deque[asyncio.Future[None]] = deque()

    def locked(self) -> bool:
        """Whether a task has it; not while it goes from one to the next."""
        return self._held and not self._given

    async def acquire(self) -> bool:
        """Waits until it is this task's; True."""
        if not self._held:
            self._held = True
            return True
        turn = get_event_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
            self._given = False
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it was given to a task that no longer wants it
            raise
        return True

    def release(self) -> None:
        """Gives it to who waits longest.

        Raises:
            RuntimeError: nobody has it.
        """
        if not self._held:
            raise RuntimeError("Lock not acquired")
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._given = True
                return
        self._held = self._given = False

    async def __aenter__(self) -> bool:
        return await self.acquire()

    async def __aexit__(self, *error: object) -> None:
        self.release()

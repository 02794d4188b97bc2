# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags that tasks wait for: one for tasks, one that interrupts and threads may set."""

import asyncio
from typing import Any

from ganglion.shims.modules.asyncio.core import get_event_loop

Event = asyncio.Event


class ThreadSafeFlag:
    """A flag that whoever waits for clears; one task at a time may wait."""

    def __init__(self, state: int = 0) -> None:
        self._state = bool(state)
        self._waiting: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wakes the task that waits, from wherever it is called."""
        self._state = True
        if (waiting := self._waiting) is not None:
            waiting.get_loop().call_soon_threadsafe(_wake, waiting)

    def clear(self) -> None:
        self._state = False

    def ioctl(self, request: int, events: int) -> Any:
        """For `select.poll`: it can be read while it is set."""
        return self._state * events if request == 3 else -1

    async def wait(self) -> None:
        loop = get_event_loop()
        if not self._state:
            self._waiting = loop.create_future()
            loop.outside += 1
            try:
                # It may have been set meanwhile, when there was nobody to wake
                if not self._state:
                    await self._waiting
            finally:
                loop.outside -= 1
                self._waiting = None
        self._state = False


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)

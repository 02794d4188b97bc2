# SPDX-License-Identifier: GPL-3.0-or-later
"""Awaits what comes into a queue of the bus."""

import asyncio
from collections.abc import AsyncIterator

from ganglion.bus.queue import Queue
from ganglion.event import Event


class Reader:
    """The reader of a queue, on the loop that runs; a queue has one.

    Args:
        queue: Of `Bus.queue`.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._news = asyncio.Event()
        queue.on_news = self._news.set

    async def wait(self) -> None:
        """Returns when something waits, or nothing will come any more."""
        while not len(self._queue) and not self._queue.is_closed:
            self._news.clear()
            await self._news.wait()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The events as they come, the most urgent first, until the queue is closed and empty."""
        while True:
            await self.wait()
            event = self._queue.take()
            if event is None:
                return
            yield event

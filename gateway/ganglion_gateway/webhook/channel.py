# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that posts to one endpoint, as libcurl blocks: a run of messages at a time, one after the other."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from ganglion_gateway.store.database import Row
from ganglion_gateway.webhook.attempt import Attempt, Sender

#: Seconds that a post has to end which is cut off. Only a name that is being asked for keeps it longer.
_CUT = 1.0


class Channel:
    """A context manager around one connection and its thread.

    Args:
        sender: Makes the attempts.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._connection = sender.connection()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="webhook")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.cut()
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    async def send(self, rows: Iterable[Row], made: list[Attempt], *, goes_on: Callable[[], bool]) -> None:
        """Tries messages in order, each once, until one fails.

        Where it is cancelled it cuts off the post under way, and what had been made is in `made`.

        Args:
            rows: As `store.webhooks.pending` gives them.
            made: Where the attempts go, one for each message that was tried.
            goes_on: Asked by the thread between two messages.
        """
        is_cut = False

        def run() -> None:
            for row in rows:
                attempt = self._sender.send(self._connection, row)
                if is_cut and attempt.error:
                    return  # it says nothing of the endpoint
                made.append(attempt)
                if attempt.error or not goes_on():
                    return

        running = asyncio.get_running_loop().run_in_executor(self._thread, run)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            is_cut = True
            self._connection.cut()
            await asyncio.wait([running], timeout=_CUT)
            raise

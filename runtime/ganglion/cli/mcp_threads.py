# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for questions that take long, as a command that waits for a person: so many, and fewer of one who asks."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from ganglion.errors import RefusedError

#: Questions under way, and those of one token.
MOST, OF_ONE = 64, 16

T = TypeVar("T")


class Threads:
    """Those of a server. They end with the process, which waits for none of them."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()

    def run(self, who: str, work: Callable[[], T]) -> "asyncio.Future[T]":
        """What work returns. Who waits no more leaves it under way until it is done.

        Args:
            who: The token.

        Raises:
            RefusedError: too much is under way.
        """
        if self._under_way[who] >= OF_ONE or self._under_way.total() >= MOST:
            raise RefusedError("too many questions are under way here: ask again when one has its answer")
        self._under_way[who] += 1
        loop, future = asyncio.get_running_loop(), Future[T]()

        def done() -> None:
            self._under_way[who] -= 1
            if not self._under_way[who]:
                del self._under_way[who]

        def begin() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            if not loop.is_closed():
                loop.call_soon_threadsafe(done)

        future.set_running_or_notify_cancel()
        Thread(target=begin, name="mcp", daemon=True).start()
        return asyncio.wrap_future(future)

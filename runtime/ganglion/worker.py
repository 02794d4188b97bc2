# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread that makes blocking calls for an event loop, one after the other.

It is a daemon, unlike `asyncio.to_thread`'s: a read that hangs in a driver must not keep the process from ending.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """Calls in the order they came. The thread starts with the first call and ends with `stop`.

    Args:
        name: Of the thread, as debuggers and `top -H` show it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """What `function` will return or raise, once the calls before it are done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            result: Any = None
            failure: BaseException | None = None
            try:
                result = function()
            except Exception as error:
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, future, result, failure)

        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        self._calls.put(run)
        return future

    def stop(self) -> None:
        """Ends the thread after the calls that wait; does not wait for it."""
        self._calls.put(None)
        self._thread = None

    def _work(self) -> None:
        while call := self._calls.get():
            call()


def _settle(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is not None:
        future.set_exception(failure)
    else:
        future.set_result(result)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's life from its start to its end: signals, what runs meanwhile, and what is made safe at last."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from ganglion.linux.supervisor import Supervisor

_log = logging.getLogger(__name__)


class Life:
    """That of one node.

    Args:
        name: What people call the node.
        supervisor: Hears that it stops.

    Attributes:
        again: Whether it has ended to be started anew.
        told: Set by SIGHUP.
    """

    def __init__(self, name: str, supervisor: Supervisor) -> None:
        self._name = name
        self._supervisor = supervisor
        self._task: asyncio.Task[Any] | None = None
        self.again = False
        self.told = asyncio.Event()

    async def run(
        self,
        *,
        start: Callable[[], Awaitable[None]],
        begin: Callable[[], None],
        lives: Callable[[], Iterable[Coroutine[Any, Any, object]]],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        """Runs until SIGTERM, SIGINT or cancellation.

        Args:
            start: Comes first; where it fails, nothing was begun that had to be ended.
            begin: Comes next.
            lives: What runs then, each until cancelled.
            end: Comes last, whatever happened.
        """
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self.told.set)
        await start()
        try:
            begin()
            async with asyncio.TaskGroup() as tasks:
                for life in lives():
                    tasks.create_task(life)
        except asyncio.CancelledError:
            _log.info("the node %s stops", self._name)
        finally:
            if not self.again:
                self._supervisor.stopping()
            await end()

    def restart(self) -> None:
        """Ends `run`, with `again` set."""
        if not self.again and self._task is not None:
            self.again = True
            self._task.cancel()

    def _stop(self) -> None:
        """Ends `run`; one that ends already, to be started anew, goes on to its end and is not."""
        is_ending, self.again = self.again, False
        if self._task is not None and not is_ending:
            self._task.cancel()

# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's delivery in virtual time, and a gateway that stores what comes and says so."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ganglion.mesh.delivery import Delivery
from ganglion.mesh.member import Sealed
from ganglion.mesh.spool import Key
from ganglion.mova.virtual import VirtualLoop

HOUR = 3600.0


class DiskLoop(VirtualLoop):
    """A virtual loop on which the disk takes no time."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class Node:
    """A node's delivery, and a gateway 50 ms away that stores what comes and says so.

    Attributes:
        stored: Keys in the order in which the gateway had them first.
        copies: Events that it had already.
        most: How many were under way at most.
        lose: Says of each message, by its number, whether it is lost.
    """

    def __init__(self, folder: Path, loop: DiskLoop, **options: Any) -> None:
        self._loop = loop
        self.stored: dict[Key, None] = {}
        self.copies = self.most = self._messages = self._seq = 0
        self._under_way = 0
        self._on_its_way: deque[Key] = deque()  # timers of the same moment have no order of their own
        self.lose: Callable[[int], bool] = lambda number: False
        self.delivery = Delivery(
            folder / "spool.db",
            publish=self._publish,
            on_stored=lambda key: None,
            on_silence=lambda unanswered: None,
            **options,
        )
        self.delivery._spool._monotonic = loop.time
        self.delivery._spool._db.execute("PRAGMA synchronous=OFF")  # nobody cuts the power of virtual time

    def post(self, cls: str = "alert", size: int = 300) -> Key:
        self._seq += 1
        self.delivery.post(Sealed(f"gl1/m/n/x/e/{cls}", b"%d " % self._seq + bytes(size), 1, self._seq))
        return (1, self._seq)

    def _publish(self, topic: str, payload: bytes) -> None:
        self._messages += 1
        if self.lose(self._messages):
            return
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        self._on_its_way.append((1, int(payload.split()[0])))
        self._loop.call_later(0.05, self._store)

    def _store(self) -> None:
        key = self._on_its_way.popleft()
        if key in self.stored:
            self.copies += 1
        self.stored[key] = None
        self._messages += 1
        if self.lose(self._messages):
            self._under_way -= 1
            return
        self._loop.call_later(0.05, self._acknowledge, key)

    def _acknowledge(self, key: Key) -> None:
        self._under_way -= 1
        self.delivery.arrived([key])


def tell(folder: Path, story: Callable[[Node], Awaitable[None]], *, kind: type[Node] = Node, **options: Any) -> Node:
    """Has a story happen in virtual time."""
    loop = DiskLoop()

    async def life() -> Node:
        node = kind(folder, loop, **options)
        running = asyncio.create_task(node.delivery.run())
        try:
            await story(node)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return node

    try:
        return loop.run_until_complete(life())
    finally:
        loop.close()


async def drained(node: Node) -> float:
    """Seconds until nothing waits any more."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while node.delivery.statistics().spooled:
        await asyncio.sleep(0.01)
        assert loop.time() - began < HOUR, node.delivery.statistics()
    return loop.time() - began

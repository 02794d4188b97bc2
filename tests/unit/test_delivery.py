# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.delivery in virtual time: hours of outage, and what the gateway has after them."""

import asyncio
import logging
import re
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh import delivery
from ganglion.mesh.courier import PATIENCE, WINDOW
from ganglion.mesh.delivery import Delivery
from ganglion.mesh.member import Sealed
from ganglion.mesh.spool import Key, Spool
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


def tell(folder: Path, story: Callable[[Node], Awaitable[None]], **options: Any) -> Node:
    """Has a story happen in virtual time."""
    loop = DiskLoop()

    async def life() -> Node:
        node = Node(folder, loop, **options)
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


async def outage(node: Node, hours: float) -> None:
    """Hours without a gateway, in which an alert comes every 10 s and an episode a minute."""
    node.delivery.disconnected()
    for second in range(0, int(hours * HOUR), 10):
        node.post()
        if second % 60 == 0:
            node.post("episode", 2000)
        await asyncio.sleep(10)


def test_after_eight_hours_without_a_gateway_everything_arrives_in_order_and_nothing_is_left(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        node.delivery.connected()
        await asyncio.sleep(1)
        await outage(node, 8)
        count = 8 * 360 + 8 * 60
        assert node.delivery.statistics().spooled == count
        node.delivery.connected()
        took = await drained(node)
        assert list(node.stored) == [(1, seq) for seq in range(1, count + 1)]
        assert took < 3 * count / WINDOW, "the window is kept full: a tenth of a second for 256"
        assert node.most <= WINDOW
        assert node.copies == 0
        statistics = node.delivery.statistics()
        assert (statistics.acknowledged, statistics.resent, statistics.dropped) == (count, 0, 0)
        key = node.post()
        await asyncio.sleep(0.11)
        assert key in node.stored, "and what is new goes out at once again"

    tell(tmp_path, story)


def test_a_backlog_drains_to_zero_over_a_way_that_loses_and_breaks(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await outage(node, 1)
        node.lose = lambda number: number % 7 == 3
        for _ in range(3):
            node.delivery.connected()
            await asyncio.sleep(0.08)
            node.delivery.disconnected()
            await asyncio.sleep(60)
        node.delivery.connected()
        await drained(node)
        assert sorted(node.stored) == [(1, seq) for seq in range(1, 421)]
        assert node.delivery.statistics().resent > 0

    tell(tmp_path, story)


def test_what_is_posted_while_older_events_drain_takes_its_turn(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        await outage(node, 2)
        node.delivery.connected()
        await asyncio.sleep(0.12)
        for _ in range(50):
            node.post()
            await asyncio.sleep(0.01)
        await drained(node)
        assert list(node.stored) == sorted(node.stored)

    tell(tmp_path, story)


def test_events_too_old_are_dropped_before_a_new_connection_sends_them(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        node.delivery._spool._age = 2 * HOUR
        await outage(node, 1)
        await asyncio.sleep(1.5 * HOUR)
        node.delivery.connected()
        await drained(node)
        statistics = node.delivery.statistics()
        assert 0 < statistics.expired == statistics.dropped < 420
        assert list(node.stored) == [(1, seq) for seq in range(statistics.dropped + 1, 421)]

    tell(tmp_path, story)


def test_events_too_old_are_dropped_within_an_hour_though_nothing_happens(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        node.delivery._spool._age = 2 * HOUR
        await outage(node, 1)
        await asyncio.sleep(4 * HOUR)
        assert node.delivery.statistics().spooled == 0

    tell(tmp_path, story)


def test_a_full_spool_is_said_once_a_minute_by_rank(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story(node: Node) -> None:
        await outage(node, 2)

    with caplog.at_level(logging.ERROR):
        node = tell(tmp_path, story, limit=30_000)
    statistics = node.delivery.statistics()
    assert statistics.spooled_bytes <= 30_000
    assert statistics.dropped_by_rank == {"record": 120, "alert": statistics.dropped - 120}
    assert statistics.spooled_by_rank == {"record": 0, "event": 0, "alert": statistics.spooled}
    lines = [line for line in caplog.messages if "has no room" in line]
    assert 60 < len(lines) <= 2 * 60 + 1
    said: Counter[str] = Counter()
    for count, rank in re.findall(r"(\d+) of rank (\w+)", "\n".join(lines)):
        said[rank] += int(count)
    assert said == statistics.dropped_by_rank, "each is said, the last ones at the end"


def test_memory_is_bounded_while_the_disk_fails_and_alerts_are_the_last_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_STAGED", 100_000)

    async def story(node: Node) -> None:
        node.delivery._spool._db.execute("PRAGMA query_only=ON")
        for number in range(500):
            node.post("episode" if number % 2 else "alert", 1000)
            if number % 100 == 0:
                await asyncio.sleep(1)
        assert node.delivery._staged_bytes <= 100_000
        statistics = node.delivery.statistics()
        assert statistics.disk_errors > 0
        assert statistics.dropped == 500 - len(node.delivery._staged)
        node.delivery._spool._db.execute("PRAGMA query_only=OFF")
        node.delivery.connected()
        await asyncio.sleep(30)
        assert node.delivery.statistics().spooled == 0
        assert len(node.stored) == 500 - statistics.dropped
        assert (1, 499) in node.stored

    node = tell(tmp_path, story)
    dropped = node.delivery.statistics().dropped_by_rank
    assert dropped["record"] > dropped["alert"]


def test_an_event_that_is_not_acknowledged_is_sent_again(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        node.lose = lambda number: number == 1
        node.delivery.connected()
        await asyncio.sleep(0.1)
        node.post()
        await asyncio.sleep(PATIENCE - 0.1)
        assert not node.stored
        await asyncio.sleep(1)
        assert node.delivery.statistics().acknowledged == 1

    tell(tmp_path, story)


async def test_what_is_staged_is_on_the_disk_though_the_member_stops_before_its_turn(tmp_path: Path) -> None:
    kept = Delivery(
        tmp_path / "spool.db",
        publish=lambda topic, payload: None,
        on_stored=lambda key: None,
        on_silence=lambda: None,
    )
    busy = threading.Event()
    life = asyncio.create_task(kept.run())
    await asyncio.sleep(0)
    asyncio.get_running_loop().run_in_executor(kept._thread, busy.wait)
    kept.post(Sealed("t", b"payload", 1, 1))
    for _ in range(3):  # until its commit waits behind what the thread does
        await asyncio.sleep(0)
    life.cancel()
    await asyncio.sleep(0)
    busy.set()
    await asyncio.gather(life, return_exceptions=True)
    spool = Spool(tmp_path / "spool.db", limit=1 << 20)
    try:
        assert spool.count == 1
    finally:
        spool.close()

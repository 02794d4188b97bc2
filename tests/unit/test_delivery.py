# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.delivery in virtual time: hours of outage, and what the gateway has after them."""

import asyncio
import logging
import re
import threading
from collections import Counter
from pathlib import Path

import pytest

from ganglion.mesh import delivery
from ganglion.mesh.courier import PATIENCE, WINDOW
from ganglion.mesh.delivery import Delivery
from ganglion.mesh.member import Sealed
from ganglion.mesh.spool import Spool
from support.delivery import HOUR, Node, drained, tell


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
        await asyncio.sleep(1.5 * HOUR + 5)  # so that none becomes too old while they are sent
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

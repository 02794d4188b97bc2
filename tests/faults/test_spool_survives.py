# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that must arrive, over killed writers, killed brokers, a gateway that is away and a disk that is full."""

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh.client import MeshClient
from ganglion.mesh.spool import Spool
from support.brokers import Broker, on_every_broker
from support.mesh import Gateway, enrolled, running
from support.waiting import until

WRITER = """
import sys
from pathlib import Path
from ganglion.mesh.spool import Row, Spool

spool = Spool(Path(sys.argv[1]))
seq = spool.count
while True:
    seq += 1
    spool.commit([Row(1, seq, "gl1/m/n/x/e/alert", b"%d" % seq * 50)], [])
    print(seq, flush=True)  # said only after the commit
"""


async def test_what_a_killed_writer_had_committed_is_there(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    said = 0
    for _ in range(5):
        writer = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", WRITER, str(path)),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert writer.stdout is not None
        for _ in range(20):
            said = int(await asyncio.wait_for(writer.stdout.readline(), 60))
        writer.send_signal(signal.SIGKILL)
        said = int(([said, *(await writer.stdout.read()).split()])[-1])
        await writer.wait()
        spool = Spool(path)
        rows = spool.after((-1, -1), 10_000)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert said <= len(rows) <= said + 1  # one more when it was killed between the commit and the word
        assert all(row.payload == b"%d" % row.seq * 50 for row in rows)
        spool.close()


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker) -> Gateway:
    return Gateway(tmp_path, broker.url)


def publish(node: MeshClient, values: range) -> None:
    for value in values:
        node.publish_event("alert", {"topic": "alert/x", "value": value})


async def test_events_of_an_outage_arrive_once_and_in_order(gateway: Gateway, broker: Broker) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
        publish(node, range(10))
        await until(lambda: len(gateway.store.values) == 10, what="the first ten")
        await broker.kill()
        await until(lambda: not node.statistics().connected, what="the node has seen it")
        publish(node, range(10, 1000))
        await node.saved()
        assert node.statistics().delivery.spooled >= 990
        await broker.start()
        await until(lambda: len(gateway.store.values) == 1000, within=60, what="all of them")
        await until(lambda: node.statistics().delivery.spooled == 0, within=60, what="all acknowledged")
    assert gateway.store.values == list(range(1000))


async def test_events_in_the_air_when_the_broker_dies_arrive_once_and_in_order(
    gateway: Gateway, broker: Broker
) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
        for burst in range(4):
            publish(node, range(100 * burst, 100 * burst + 100))
            await asyncio.sleep(0)
            await broker.kill()
            await broker.start()
        await until(lambda: len(gateway.store.values) == 400, within=60, what="all of them")
        await until(lambda: node.statistics().delivery.spooled == 0, within=60, what="all acknowledged")
    assert gateway.store.values == list(range(400))


@on_every_broker
async def test_events_of_a_gateway_that_is_away_arrive_when_another_comes(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    async with running(node):
        async with running(gateway.client):
            await enrolled(node)
        publish(node, range(50))
        await node.saved()
        assert node.statistics().delivery.spooled == 50
        async with running(gateway.start()):
            await until(lambda: node.statistics().delivery.spooled == 0, within=60, what="all acknowledged")
    assert gateway.store.values == list(range(50))


async def test_events_reach_a_gateway_in_order_that_is_back_at_the_broker_after_the_node(
    tmp_path: Path, broker: Broker
) -> None:
    account = tmp_path / "account"
    account.write_text("gateway:secret")
    gateway = Gateway(tmp_path, f"{broker.url}?account={account}")
    gateway.url = broker.url
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
        publish(node, range(10))
        await until(lambda: len(gateway.store.values) == 10, what="the first ten")
        await broker.kill()
        clients = (gateway.client, node)
        await until(lambda: not any(one.statistics().connected for one in clients), what="both have seen it")
        account.unlink()  # without it the gateway cannot connect
        await broker.start()
        await until(lambda: node.statistics().connected, within=60, what="the node is back")
        for value in range(10, 40):
            publish(node, range(value, value + 1))
            await asyncio.sleep(0.01)
        account.write_text("gateway:secret")
        for value in range(40, 200):
            publish(node, range(value, value + 1))
            await asyncio.sleep(0.005)
        await until(lambda: len(gateway.store.values) == 200, within=60, what="all of them")
    assert gateway.store.values == list(range(200))


async def test_events_that_the_database_refuses_are_sent_again_until_it_takes_them(gateway: Gateway) -> None:
    node = gateway.node("fridge")
    gateway.store.broken = True
    async with running(gateway.client, node):
        await enrolled(node)
        publish(node, range(5))
        service = gateway.client._service
        assert service is not None
        await until(lambda: service.ingest.failed, what="the store has failed")
        gateway.store.broken = False
        await until(lambda: node.statistics().delivery.acknowledged == 5, within=60, what="all acknowledged")
    assert sorted(gateway.store.values) == list(range(5))
    assert node.statistics().delivery.resent > 0


async def test_a_node_that_is_killed_sends_after_its_restart_what_it_had_saved(
    gateway: Gateway, tmp_path: Path, broker: Broker
) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
    program = """
import asyncio, os, signal, sys
from pathlib import Path
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport

async def main():
    node = MeshClient(transport=MqttTransport("mqtt://127.0.0.1:1"), state=Path(sys.argv[1]), name="fridge")
    task = asyncio.create_task(node.run())
    for value in range(200):
        node.publish_event("alert", {"value": value})
    await node.saved()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    killed = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", program, str(tmp_path / "fridge")),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert await asyncio.wait_for(killed.wait(), 60) == -signal.SIGKILL
    node = gateway.node("fridge")
    assert node.member.epoch == 3
    node.publish_event("alert", {"value": "after"})
    async with running(gateway.start(), node):
        await until(lambda: node.statistics().delivery.acknowledged == 201, within=60, what="all acknowledged")
    assert gateway.store.values == [*range(200), "after"]
    assert {key[1] for key in gateway.store.events} == {2, 3}


async def test_a_spool_that_is_full_keeps_the_newest_and_counts_the_lost(gateway: Gateway) -> None:
    node = gateway.node("fridge", spool_bytes=20_000)
    async with running(node):
        publish(node, range(300))
        await node.saved()
        statistics = node.statistics().delivery
        assert statistics.spooled_bytes <= 20_000
        assert statistics.dropped == 300 - statistics.spooled > 0
        async with running(gateway.client):
            await until(lambda: node.statistics().delivery.spooled == 0, within=60, what="the rest is delivered")
    assert sorted(gateway.store.values) == list(range(statistics.dropped, 300))


async def test_a_disk_that_fails_is_tried_again_and_events_go_out_meanwhile(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    node = gateway.node("fridge")
    async with running(gateway.client, node):
        await enrolled(node)
        await until(lambda: not node._delivery._courier.behind, what="nothing waits")
        spool: Any = node._delivery._spool
        # Another connection holds the write lock longer than SQLite waits: what a full or failing disk looks like.
        spool._db.execute("PRAGMA busy_timeout=1")
        blocker = sqlite3.connect(gateway.folder / "fridge" / "spool.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        publish(node, range(3))
        await until(lambda: gateway.store.values == [0, 1, 2], what="they arrive all the same")
        await until(lambda: node.statistics().delivery.disk_errors > 0, what="the disk fails")
        assert "The spool cannot be written" in caplog.text
        blocker.execute("ROLLBACK")
        blocker.close()
        await until(lambda: node.statistics().delivery.acknowledged == 3, within=60, what="the spool is in order")
        assert node.statistics().delivery.spooled == 0

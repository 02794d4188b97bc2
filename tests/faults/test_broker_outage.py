# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node and the gateway keep when the broker is killed, frozen, or not there yet.

A PUBACK says that the broker has a message, not that a subscriber has: between the two a kill may lose it (who needs
more asks for an end-to-end acknowledgement). So the transport here is its own subscriber, with QoS 0: both brokers hand
it a message before they acknowledge that message to it.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import Message, Transport
from ganglion.mqtt.outbox import Outbox
from support.brokers import Broker
from support.transports import TRANSPORTS, Counted, Inbox, running
from support.waiting import until

Make = Callable[..., Transport]


@pytest.fixture(params=TRANSPORTS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make(kind: str) -> Make:
    return lambda url, **options: TRANSPORTS[kind](url, **{"backoff": Counted(), **options})


async def test_qos_1_survives_a_broker_killed_in_the_middle_of_it(make: Make, broker: Broker) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("work")
    done: Counter[int] = Counter()
    published = 0

    async def work() -> None:
        nonlocal published
        while True:
            transport.publish("work", b"%d" % published, qos=1, on_done=lambda n=published: done.update([n]))
            published += 1
            await asyncio.sleep(0.0005)

    async with running(transport):
        await until(lambda: transport.connected)
        worker = asyncio.create_task(work())
        for _ in range(3):
            before = len(done)
            await until(lambda: len(done) > before + 100)  # noqa: B023
            await broker.kill()
            await until(lambda: not transport.connected)
            unacknowledged = transport.pending
            await until(lambda: transport.pending > unacknowledged + 20)  # noqa: B023
            await broker.start()
            await until(lambda: transport.connected)
        worker.cancel()
        await until(lambda: len(done) == published and not transport.pending, within=60)
        statistics = transport.statistics()
    assert {int(payload) for payload in inbox.payloads} == set(range(published))
    assert set(done.values()) == {1}
    assert (statistics.connections, statistics.overflowed) == (4, 0)
    assert inbox.changes == ["connected", "disconnected"] * 4


async def test_qos_0_is_dropped_and_counted_while_there_is_no_broker(make: Make, broker: Broker) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("news")
    done: list[bool] = []
    async with running(transport):
        await until(lambda: transport.connected)
        await broker.kill()
        await until(lambda: not transport.connected)
        for _ in range(7):
            transport.publish("news", b"lost", on_done=lambda: done.append(True))
        assert transport.statistics().dropped == 7
        await broker.start()
        await until(lambda: transport.connected)
        transport.publish("news", b"again")
        await until(lambda: inbox.messages)
    assert inbox.payloads == [b"again"]
    assert not done


async def test_what_shall_not_outlive_a_connection_is_dropped_with_it(make: Make, broker: Broker) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("news")
    async with running(transport):
        await until(lambda: transport.connected)
        broker.freeze()
        transport.publish("news", b"of then", qos=1, lasting=False)
        transport.publish("news", b"for ever", qos=1)
        await broker.kill()
        await until(lambda: not transport.connected and transport.pending == 1)
        transport.publish("news", b"of no connection", qos=1, lasting=False)
        await broker.start()
        await until(lambda: inbox.messages)
        transport.publish("news", b"of now", qos=1, lasting=False)
        await until(lambda: len(inbox.messages) > 1)
    assert inbox.payloads == [b"for ever", b"of now"]


@pytest.mark.parametrize("bound", ["messages", "bytes"])
async def test_what_overflows_the_queue_is_refused_and_counted(
    kind: str, make: Make, broker: Broker, bound: str
) -> None:
    if kind == "mqtt":
        outbox = Outbox(max_messages=5) if bound == "messages" else Outbox(max_bytes=5 * (10 + len(b"\0\1q")))
        transport = make(broker.url, outbox=outbox)
    else:
        transport = make(broker.url, **({"max_pending": 5} if bound == "messages" else {"max_bytes": 50}))
    inbox = Inbox(transport)
    transport.subscribe("q")
    for i in range(9):
        transport.publish("q", b"%010d" % i, qos=1)
    assert (transport.pending, transport.statistics().overflowed) == (5, 4)
    async with running(transport):
        await until(lambda: not transport.pending)
        await until(lambda: len(inbox.messages) == 5)
    assert inbox.payloads == [b"%010d" % i for i in range(5)]


async def test_a_broker_that_comes_late_is_found(make: Make, broker: Broker) -> None:
    await broker.kill()
    backoff = Counted()
    transport = make(broker.url, backoff=backoff)
    inbox = Inbox(transport)
    transport.subscribe("a")
    transport.publish("a", b"waited", qos=1)
    async with running(transport):
        await until(lambda: backoff.attempts >= 3)
        await broker.start()
        await until(lambda: inbox.messages)
    assert inbox.messages == [Message("a", b"waited", 0, False)]
    assert inbox.changes[0] == "connected"


async def test_a_frozen_broker_is_found_out_by_the_keep_alive(kind: str, make: Make, broker: Broker) -> None:
    transport = make(broker.url, keep_alive=1)
    inbox = Inbox(transport)
    async with running(transport):
        await until(lambda: transport.connected)
        broker.freeze()
        try:
            # Ours takes a keep-alive and a half; paho looks once a second and waits for one more
            await until(lambda: not transport.connected, within=3 if kind == "mqtt" else 10)
            transport.publish("a", b"", qos=1)
        finally:
            broker.thaw()
        await until(lambda: not transport.pending, within=60, what="reconnected and acknowledged")
    assert inbox.changes[:3] == ["connected", "disconnected", "connected"]


async def test_silence_of_an_idle_connection_is_no_loss(broker: Broker) -> None:
    """Pings keep it open, with the shortest keep-alive too. (paho's come when the second has passed.)"""
    transport = MqttTransport(broker.url, keep_alive=1)
    inbox = Inbox(transport)
    async with running(transport):
        await until(lambda: transport.connected)
        with pytest.raises(AssertionError, match="a loss"):
            await until(lambda: not transport.connected, within=4, what="a loss")
    assert inbox.changes == ["connected", "disconnected"]


async def test_the_will_holds_after_a_reconnect_too(kind: str, make: Make, broker: Broker) -> None:
    witness = make(broker.url)
    inbox = Inbox(witness)
    witness.subscribe("will", 1)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "support.transports", kind, broker.url, "will"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"connected\n"
        await broker.kill()
        await broker.start()
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"connected\n"
        async with running(witness):
            await until(lambda: witness.connected)
            witness.publish("will", b"witness is here", qos=1)
            await until(lambda: inbox.messages)
            process.send_signal(signal.SIGKILL)
            await until(lambda: b"gone" in inbox.payloads)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()

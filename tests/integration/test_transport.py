# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.transport: both implementations give the same promises on both brokers."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ganglion.errors import InvalidError, LocalProtocolError
from ganglion.mesh import refusals
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import Message, Transport
from support.brokers import BROKERS, Broker, free_ports, nats_broker
from support.certificates import Certificates
from support.transports import TRANSPORTS, Counted, Inbox, running
from support.waiting import until

Make = Callable[..., Transport]


@pytest.fixture(params=TRANSPORTS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make(kind: str) -> Make:
    return lambda url, **options: TRANSPORTS[kind](url, **{"backoff": Counted(), **options})


async def subscribed(transport: Transport, inbox: Inbox) -> None:
    """Waits until the subscriptions hold: a message of our own comes back through the last of them."""
    transport.subscribe("ready", 1)
    await until(lambda: transport.connected, what="connected")
    transport.publish("ready", b"", qos=1)
    await until(lambda: inbox.messages, what="the first message back")
    inbox.messages.clear()
    inbox.batches.clear()


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_message_comes_back_with_the_qos_of_its_subscription(make: Make, broker: Broker, qos: int) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("a/+/c", qos)
    async with running(transport):
        await subscribed(transport, inbox)
        transport.publish("a/ü/c", b"\x00\xff", qos=1)
        transport.publish("a/b", b"not ours", qos=1)
        await until(lambda: inbox.messages)
        await until(lambda: not transport.pending)
    assert inbox.messages == [Message("a/ü/c", b"\x00\xff", qos, False)]


async def test_a_retained_message_says_so_and_a_live_one_does_not(make: Make, broker: Broker) -> None:
    writer, reader = make(broker.url), make(broker.url)
    inbox = Inbox(reader)
    async with running(writer, reader):
        await until(lambda: writer.connected and reader.connected)
        writer.publish("kept/a", b"old", qos=1, retain=True)
        await until(lambda: not writer.pending)
        reader.subscribe("kept/#", 1)
        await until(lambda: inbox.messages)
        writer.publish("kept/a", b"new", qos=1, retain=True)
        await until(lambda: len(inbox.messages) == 2)
    assert inbox.messages == [Message("kept/a", b"old", 1, True), Message("kept/a", b"new", 1, False)]


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_burst_arrives_whole_in_order_and_in_batches(make: Make, broker: Broker, qos: int) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("burst", qos)
    done: list[int] = []
    async with running(transport):
        await subscribed(transport, inbox)
        for i in range(1500):
            transport.publish("burst", b"%d" % i, qos=qos, on_done=lambda i=i: done.append(i))
        await until(lambda: len(inbox.messages) >= 1500)
        await until(lambda: len(done) == 1500)
        statistics = transport.statistics()
    assert inbox.payloads == [b"%d" % i for i in range(1500)]
    assert sorted(done) == list(range(1500))
    assert max(inbox.batches) > 1
    assert (statistics.dropped, statistics.overflowed, statistics.failed, statistics.pending) == (0, 0, 0, 0)
    assert (statistics.sent, statistics.received) == (1501, 1501)


async def test_a_message_as_large_as_an_envelope_may_be_passes(make: Make, broker: Broker) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("large", 1)
    async with running(transport):
        await subscribed(transport, inbox)
        payload = bytes(range(256)) * 256
        transport.publish("large", payload, qos=1)
        await until(lambda: inbox.messages)
    assert inbox.payloads == [payload]


async def test_what_is_unsubscribed_comes_no_more(make: Make, broker: Broker) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("a")
    async with running(transport):
        await subscribed(transport, inbox)
        transport.unsubscribe("a")
        transport.subscribe("b", 1)
        await until(lambda: _echo(transport, inbox, "b"))
        inbox.messages.clear()
        transport.publish("a", b"too late")
        transport.publish("b", b"after it", qos=1)
        await until(lambda: b"after it" in inbox.payloads)
    assert "a" not in {message.topic for message in inbox.messages}


def _echo(transport: Transport, inbox: Inbox, topic: str) -> bool:
    """Publishes until one comes back: from then on what was asked for before is in force."""
    transport.publish(topic, b"echo")
    return any(message.topic == topic for message in inbox.messages)


async def test_the_will_of_a_killed_process_is_delivered(kind: str, make: Make, broker: Broker) -> None:
    witness = make(broker.url)
    inbox = Inbox(witness)
    witness.subscribe("will", 1)
    async with running(witness):
        await subscribed(witness, inbox)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "support.transports", kind, broker.url, "will"),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            assert await asyncio.wait_for(process.stdout.readline(), 60) == b"connected\n"
        finally:
            process.send_signal(signal.SIGKILL)
            await process.communicate()
        await until(lambda: inbox.messages)
    assert inbox.messages == [Message("will", b"gone", 1, False)]


async def test_who_says_goodbye_has_no_will(make: Make, broker: Broker) -> None:
    witness, leaver = make(broker.url), make(broker.url)
    inbox = Inbox(witness)
    witness.subscribe("will", 1)
    leaver.set_will("will", b"gone", qos=1)
    async with running(witness):
        await subscribed(witness, inbox)
        async with running(leaver):
            await until(lambda: leaver.connected)
            leaver.publish("will", b"last words")  # QoS 0, in the very turn of the goodbye
        assert not leaver.connected
        await until(lambda: inbox.messages)
        witness.publish("will", b"marker", qos=1)
        await until(lambda: b"marker" in inbox.payloads)
    assert inbox.payloads == [b"last words", b"marker"]


async def test_a_goodbye_in_the_middle_of_a_flood_is_heard(broker: Broker) -> None:
    """A socket closed with unread bytes is reset, and the broker would miss the DISCONNECT in front of the reset."""
    witness = MqttTransport(broker.url)
    inbox = Inbox(witness)
    witness.subscribe("will", 1)

    async def flood() -> None:
        while True:
            for _ in range(50):
                witness.publish("flood", bytes(1000))
            await asyncio.sleep(0)

    async with running(witness):
        await subscribed(witness, inbox)
        flooding = asyncio.create_task(flood())
        for _ in range(5):
            leaver = MqttTransport(broker.url)
            leaver.subscribe("flood")
            leaver.set_will("will", b"gone", qos=1)
            async with running(leaver):
                await until(lambda: leaver.statistics().received > 100)  # noqa: B023
        flooding.cancel()
        witness.publish("will", b"marker", qos=1)
        await until(lambda: b"marker" in inbox.payloads)
    assert inbox.payloads == [b"marker"]


async def test_a_callback_that_raises_is_counted_and_the_connection_goes_on(
    make: Make, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    transport = make(broker.url)
    seen: list[Message] = []

    def stumble(messages: list[Message]) -> None:
        seen.extend(messages)
        raise ZeroDivisionError

    transport.on_messages = stumble
    transport.subscribe("a", 1)
    async with running(transport):
        await until(lambda: transport.connected)
        for i in range(2):
            transport.publish("a", b"", qos=1, on_done=lambda: 1 / 0)
            await until(lambda: len(seen) > i)  # noqa: B023
        await until(lambda: transport.statistics().failed == 4)
        assert transport.statistics().connections == 1
    assert "raised; the connection goes on" in caplog.text


async def test_more_filters_than_one_packet_takes_are_all_asked_for(make: Make, broker: Broker) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    for i in range(20):
        transport.subscribe(f"many/{i}", 1)
    async with running(transport):
        await subscribed(transport, inbox)
        for i in range(20):
            transport.publish(f"many/{i}", b"", qos=1)
        await until(lambda: len(inbox.messages) == 20)
    assert {message.topic for message in inbox.messages} == {f"many/{i}" for i in range(20)}


@pytest.mark.parametrize("which", BROKERS)
async def test_credentials_let_in_and_wrong_ones_are_named_once(
    make: Make, which: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with BROKERS[which](tmp_path, users={"node": "right"}) as broker:
        backoff = Counted()
        welcome = make(broker.url_as("node", "right"))
        stranger = make(broker.url_as("node", "wr0ng"), backoff=backoff)
        async with running(welcome, stranger):
            await until(lambda: welcome.connected)
            await until(lambda: backoff.attempts >= 4)
            assert not stranger.connected
            assert backoff.refusals == backoff.attempts, "each time it is patient"
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "return code" in said[0]
    assert "account=FILE" in said[0]
    assert "wr0ng" not in caplog.text


async def test_a_broker_that_is_not_there_is_named_once(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    (port,) = free_ports(1)
    backoff = Counted()
    async with running(make(f"mqtt://127.0.0.1:{port}", backoff=backoff)):
        await until(lambda: backoff.attempts >= 4)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert f"mqtt://127.0.0.1:{port}" in said[0]


async def test_a_refused_subscription_is_counted_and_named(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with nats_broker(tmp_path, users={"node": "right"}, deny_subscribe="secret/#") as broker:
        transport = make(broker.url_as("node", "right"))
        inbox = Inbox(transport)
        transport.subscribe("secret/#")
        async with running(transport):
            await subscribed(transport, inbox)
            await until(lambda: transport.statistics().refused == 1)
    assert "refuses the subscription to 'secret/#'" in caplog.text


@pytest.mark.parametrize("which", BROKERS)
async def test_an_account_that_is_written_later_lets_in(make: Make, which: str, tmp_path: Path) -> None:
    async with BROKERS[which](tmp_path, users={"node": "right"}) as broker:
        account = tmp_path / "account"
        transport = make(f"{broker.url}?account={account}")
        async with running(transport):
            for wrong in (None, "node", "node:wr0ng"):
                if wrong is not None:
                    account.write_text(wrong)
                await asyncio.sleep(0)
                assert not transport.connected
            account.write_text("node:right\n")
            await until(lambda: transport.connected, what="connected")


async def test_a_subscription_that_was_refused_is_asked_for_again(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "_PAUSE", (0.01, 0.1))
    async with nats_broker(tmp_path, users={"node": "right"}, deny_subscribe="secret/#") as broker:
        transport = make(broker.url_as("node", "right"))
        inbox = Inbox(transport)
        transport.subscribe("secret/#", 1)
        async with running(transport):
            await subscribed(transport, inbox)
            await until(lambda: transport.statistics().refused >= 3, what="asked three times")
            assert transport.statistics().unheard == 1
            (tmp_path / "nats.conf").write_text((tmp_path / "nats.conf").read_text().replace("secret", "other"))
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGHUP)  # NATS Server reads its configuration again
            await until(lambda: _echo(transport, inbox, "secret/a"), what="heard")
            assert transport.statistics().unheard == 0
            transport.unsubscribe("secret/#")
        assert transport.statistics().connections == 1


# paho leaves the socket of a handshake that failed to the garbage collector
LEFT = pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")


@LEFT
@pytest.mark.parametrize("which", BROKERS)
async def test_tls_trusts_the_authority_it_is_told_and_no_other(
    make: Make, which: str, tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    async with BROKERS[which](tmp_path, certificate=(certificates.certificate, certificates.key)) as broker:
        trusting, doubting = make(f"{broker.url}?ca={certificates.authority}"), make(broker.url)
        inbox = Inbox(trusting)
        async with running(trusting, doubting):
            await subscribed(trusting, inbox)
            await until(lambda: "certificate" in caplog.text)
            assert not doubting.connected
    assert "is not trusted" in caplog.text
    assert "name its authority with ?ca=FILE" in caplog.text
    gc.collect()


@LEFT
async def test_tls_refuses_a_certificate_of_another_host_and_says_so_patiently(
    make: Make, tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    async with nats_broker(tmp_path, certificate=(certificates.certificate, certificates.key)) as broker:
        backoff = Counted()
        url = broker.url.replace("localhost", "127.0.0.1")
        transport = make(f"{url}?ca={certificates.authority}", backoff=backoff)
        async with running(transport):
            await until(lambda: backoff.attempts >= 2)
            assert not transport.connected
        assert backoff.refusals == backoff.attempts
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "is another host's" in said[0]
    assert "have one made for 127.0.0.1" in said[0]
    gc.collect()


@LEFT
async def test_a_broker_without_tls_is_told_from_one_that_is_not_trusted(
    make: Make, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    backoff = Counted()
    async with running(make(broker.url.replace("mqtt:", "mqtts:"), backoff=backoff)):
        await until(lambda: backoff.attempts >= 2)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "mqtts://" in said[0]
    gc.collect()


@pytest.mark.parametrize("which", BROKERS)
async def test_a_certificate_of_our_own_lets_in_where_the_broker_asks_for_one(
    make: Make, which: str, tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    pair = (certificates.certificate, certificates.key)
    async with BROKERS[which](tmp_path, certificate=pair, clients=certificates.authority) as broker:
        url = f"{broker.url}?ca={certificates.authority}"
        member = make(f"{url}&certificate={pair[0]}&key={pair[1]}")
        backoff = Counted()
        inbox = Inbox(member)
        async with running(member, MqttTransport(url, backoff=backoff)):
            await subscribed(member, inbox)
            await until(lambda: backoff.attempts >= 2)
    said = {record.getMessage() for record in caplog.records if record.levelname == "WARNING"}
    assert any("asks for a certificate of ours: name it with ?certificate=FILE&key=FILE" in line for line in said)


async def test_the_next_address_is_tried_where_nobody_answers(make: Make, broker: Broker) -> None:
    (nobody,) = free_ports(1)
    transport = make([f"mqtt://127.0.0.1:{nobody}", broker.url])
    async with running(transport):
        await until(lambda: transport.connected, what="connected")
        assert str(transport.url) == broker.url
        await broker.kill()
        await until(lambda: not transport.connected, what="lost")
        await broker.start()
        await until(lambda: transport.connected, what="connected again")
        assert str(transport.url) == broker.url


async def test_what_mqtt_cannot_carry_is_refused_where_it_enters(make: Make) -> None:
    with pytest.raises(InvalidError):
        make("tcp://localhost")
    transport = make("mqtt://localhost")
    with pytest.raises(LocalProtocolError):
        transport.publish("a/#", b"")
    with pytest.raises(LocalProtocolError):
        transport.publish("a", b"", qos=2)
    with pytest.raises(LocalProtocolError):
        transport.publish("a", bytes(300_000), qos=1)
    with pytest.raises(LocalProtocolError):
        transport.subscribe("a#")
    with pytest.raises(LocalProtocolError):
        transport.set_will("a/+", b"")
    assert transport.statistics().dropped == 0


async def test_memory_is_bounded_when_the_broker_stops_reading(make: Make, broker: Broker) -> None:
    transport = make(broker.url, keep_alive=60)
    inbox = Inbox(transport)
    block = bytes(100_000)
    async with running(transport):
        await subscribed(transport, inbox)
        broker.freeze()
        try:
            for _ in range(1000):  # 100 MB at a loopback that holds some 10
                transport.publish("flood", block)
                await asyncio.sleep(0)
            for i in range(10):
                transport.publish("ready", b"%d" % i, qos=1)
            frozen = transport.statistics()
        finally:
            broker.thaw()
        await until(lambda: len(inbox.messages) == 10, within=60)
        await until(lambda: not transport.pending)
        await until(lambda: _echo(transport, inbox, "ready"), what="QoS 0 again")
    assert frozen.dropped > 500
    assert frozen.dropped + frozen.sent <= 1001
    assert frozen.pending == 10
    assert inbox.payloads[:10] == [b"%d" % i for i in range(10)]


async def test_the_node_shares_writes_between_messages_of_a_turn(broker: Broker) -> None:
    """One turn of the loop, one write: so many messages come back in far fewer reads."""
    transport = MqttTransport(broker.url)
    inbox = Inbox(transport)
    transport.subscribe("turn")
    async with running(transport):
        await subscribed(transport, inbox)
        for i in range(1000):
            transport.publish("turn", b"%d" % i)
        await until(lambda: len(inbox.messages) == 1000)
    assert len(inbox.batches) < 200


async def test_what_does_not_speak_mqtt_is_named_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n" + b"X-Filler: 0123456789\r\n" * 10 + b"\r\n")
        writer.close()
        await writer.wait_closed()

    backoff = Counted()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        transport = MqttTransport(f"mqtt://127.0.0.1:{port}", backoff=backoff)
        async with running(transport):
            await until(lambda: backoff.attempts >= 3)
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "packet type 4" in said
    assert transport.statistics().connections == 0


async def test_a_transport_may_be_stopped_at_any_moment_and_run_again(make: Make, broker: Broker) -> None:
    transport = make(broker.url)
    inbox = Inbox(transport)
    for turns in range(12):
        task = asyncio.create_task(transport.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not transport.connected
    async with running(transport):
        await subscribed(transport, inbox)
    assert inbox.changes.count("connected") == inbox.changes.count("disconnected")


async def test_a_transport_that_is_stopped_while_its_connection_breaks_stops(
    make: Make, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of a connection that break make the others end: in just that moment the whole is told to stop."""
    ends = []
    abort = asyncio.TaskGroup._abort

    def stopped_too(group: asyncio.TaskGroup) -> None:
        abort(group)
        ends.append(task.cancel())

    monkeypatch.setattr(asyncio.TaskGroup, "_abort", stopped_too)
    transport = make(broker.url)
    task = asyncio.create_task(transport.run())
    await until(lambda: transport.connected, what="connected")
    await broker.kill()
    await until(lambda: not transport.connected, what="noticed")
    if not ends:  # this one has no parts
        task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()

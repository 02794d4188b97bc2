# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: umqtt against real brokers and ntptime against a server, as scripts use them."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ganglion.shims import clock
from ganglion.shims.modules import ntptime
from ganglion.shims.modules import time as script_time
from ganglion.shims.modules.umqtt import robust, simple
from support.brokers import PASSWORD, USER, Broker, mosquitto_broker

Client = simple.MQTTClient


def hear(client: simple.MQTTClient, heard: list[Any], count: int) -> None:
    """Looks for messages until `count` were heard: a `wait_msg` that waits in vain never ends."""
    deadline = time.monotonic() + 60
    while len(heard) < count:
        assert time.monotonic() < deadline, f"only {heard} of {count} messages came"
        client.check_msg()
        time.sleep(0.01)


async def test_messages_go_there_and_back(broker: Broker) -> None:
    def script() -> list[tuple[bytes, bytes]]:
        heard: list[tuple[bytes, bytes]] = []
        listener = Client("listener", "127.0.0.1", broker.port, keepalive=30)
        listener.set_callback(lambda topic, message: heard.append((topic, message)))
        assert listener.connect() is False
        listener.subscribe(b"shims/#", 1)
        speaker = Client(b"speaker", "127.0.0.1", broker.port)
        speaker.connect()
        speaker.publish("shims/a", "text")
        speaker.publish(b"shims/b", b"\x00" * 300, qos=1)
        speaker.ping()
        assert speaker.wait_msg() is None
        speaker.publish("shims/kept", b"1", retain=True, qos=1)
        speaker.disconnect()
        hear(listener, heard, 3)
        assert listener.check_msg() is None
        late = Client("late", "127.0.0.1", broker.port)
        late.set_callback(lambda topic, message: heard.append((topic, message)))
        late.connect()
        late.subscribe("shims/kept")
        hear(late, heard, 4)
        late.disconnect()
        listener.disconnect()
        return heard

    heard = await asyncio.to_thread(script)
    assert heard == [(b"shims/a", b"text"), (b"shims/b", bytes(300)), (b"shims/kept", b"1"), (b"shims/kept", b"1")]


async def test_a_will_is_published_when_its_client_vanishes(broker: Broker) -> None:
    def script() -> list[bytes]:
        heard: list[bytes] = []
        watcher = Client("watcher", "127.0.0.1", broker.port)
        watcher.set_callback(lambda topic, message: heard.append(message))
        watcher.connect()
        watcher.subscribe("will")
        dying = Client("dying", "127.0.0.1", broker.port)
        dying.set_last_will("will", b"gone", qos=0)
        dying.connect()
        dying.sock.close()
        hear(watcher, heard, 1)
        watcher.disconnect()
        return heard

    assert await asyncio.to_thread(script) == [b"gone"]


async def test_a_robust_client_outlives_its_broker(broker: Broker) -> None:
    class Patient(robust.MQTTClient):
        DELAY = 0  # the test's time limit is patience enough

    heard: list[bytes] = []
    client = Patient("robust", "127.0.0.1", broker.port)
    client.set_callback(lambda topic, message: heard.append(message))
    await asyncio.to_thread(client.connect, False)
    await asyncio.to_thread(client.subscribe, "robust")
    await broker.kill()
    publishing = asyncio.create_task(asyncio.to_thread(client.publish, "other", b"1", qos=1))
    await broker.start()
    await publishing
    await asyncio.to_thread(client.subscribe, "robust")
    await asyncio.to_thread(client.publish, "robust", b"2", qos=1)
    await asyncio.to_thread(hear, client, heard, 1)
    assert heard == [b"2"]
    await asyncio.to_thread(client.disconnect)


async def test_a_wrong_password_is_refused_with_its_code(tmp_path: Any) -> None:
    async with mosquitto_broker(tmp_path, users={USER: PASSWORD}) as broker:
        client = Client("c", "127.0.0.1", broker.port, USER, "wrong")
        with pytest.raises(simple.MQTTException) as caught:
            await asyncio.to_thread(client.connect)
        assert caught.value.args == (5,)
        client = Client("c", "127.0.0.1", broker.port, USER, PASSWORD)
        await asyncio.to_thread(client.connect)
        client.disconnect()


async def test_tls_by_a_context_checks_the_broker(tmp_path: Any, certificates: Any) -> None:
    from ganglion.shims.modules import ssl

    pair = (certificates.certificate, certificates.key)
    async with mosquitto_broker(tmp_path, certificate=pair) as broker:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client = Client("c", "localhost", broker.port, ssl=context)
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await asyncio.to_thread(client.connect)
        context.load_verify_locations(str(certificates.authority))
        for each in (context, True):
            client = Client("c", "localhost", broker.port, ssl=each)
            client.set_callback(lambda topic, message: None)
            await asyncio.to_thread(client.connect)
            await asyncio.to_thread(client.subscribe, "x")
            assert await asyncio.to_thread(client.check_msg) is None
            client.disconnect()


async def test_a_time_that_is_up_is_an_oserror_under_tls_too(tmp_path: Any, certificates: Any) -> None:
    async with mosquitto_broker(tmp_path, certificate=(certificates.certificate, certificates.key)) as broker:
        client = Client("c", "localhost", broker.port, ssl=True)
        await asyncio.to_thread(client.connect)
        client.sock.settimeout(0.01)
        with pytest.raises(OSError, match="ETIMEDOUT"):
            await asyncio.to_thread(client.wait_msg)
        client.disconnect()


def test_a_long_message_arrives_whole_over_a_connection_with_a_time_limit() -> None:
    arrived = bytearray()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the client has to wait for room
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"\x20\x02\x00\x00")
                while data := connection.recv(1 << 16):
                    arrived.extend(data)

        thread = threading.Thread(target=serve)
        thread.start()
        client = Client("c", "127.0.0.1", server.getsockname()[1])
        client.connect(timeout=30)
        client.publish("long", bytes(8_000_000))
        client.disconnect()
        thread.join()
    assert len(arrived) == 1 + 4 + 6 + 8_000_000 + 2  # with the head, the topic, and the goodbye


def test_a_broker_that_is_not_there_is_an_oserror() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            Client("c", "127.0.0.1", taken.getsockname()[1]).connect()


@pytest.mark.parametrize("answer", [b"", b"\x20", b"\x30\x00\x00\x00", b"\x20\x02\x00", b"\xff" * 8])
def test_an_answer_that_is_none_is_an_error_and_no_hang(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises((OSError, simple.MQTTException)):
            Client("c", "127.0.0.1", server.getsockname()[1]).connect(timeout=5)
        thread.join()


def test_the_time_of_a_server_is_the_scripts_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = 2_000_000_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            query, peer = server.recvfrom(100)
            assert query[0] & 7 == 3  # a client
            server.sendto(bytes(40) + struct.pack(">II", wanted + 2_208_988_800, 0), peer)

        monkeypatch.setattr(ntptime, "host", "127.0.0.1")
        monkeypatch.setattr(ntptime, "_PORT", server.getsockname()[1])
        thread = threading.Thread(target=serve)
        thread.start()
        before: Callable[[], float] = time.time
        try:
            ntptime.settime()
            assert 0 <= script_time.time() - wanted < 60
            assert before() < wanted
        finally:
            clock.set_offset(0)
        thread.join()

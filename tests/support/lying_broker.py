# SPDX-License-Identifier: GPL-3.0-or-later
"""A broker that lies: a proxy between clients and a real broker that knows MQTT packets and does as a `Lie` says.

    async with lying_broker(broker) as liar:
        client = MqttTransport(liar.url)
        liar.lie = Drops(Random(1), 0.3)

What clients publish it passes on, or takes with a PUBACK and drops. What the broker publishes it acknowledges itself
and passes on as QoS 0, so that a lie may repeat, hold back and make up messages as it likes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

from ganglion.mqtt import packet
from ganglion.mqtt.packet import Message
from support.brokers import Broker


class Lie:
    """Honesty: everything is passed on, once, as it is. Others inherit from it."""

    def said(self, link: "Link", message: Message) -> bool:
        """Whether what a client publishes goes on to the broker."""
        return True

    def heard(self, link: "Link", message: Message) -> None:
        """What the broker publishes to a client: `link.tell` it, something else, or nothing."""
        link.tell(message)


class Drops(Lie):
    """Loses a share of the messages in each direction; the client that published one is told that all is well."""

    def __init__(self, rng: Random, share: float) -> None:
        self._rng = rng
        self._share = share

    def said(self, link: "Link", message: Message) -> bool:
        return self._rng.random() >= self._share

    def heard(self, link: "Link", message: Message) -> None:
        if self._rng.random() >= self._share:
            link.tell(message)


class Repeats(Lie):
    """Says everything three times."""

    def heard(self, link: "Link", message: Message) -> None:
        for _ in range(3):
            link.tell(message)


class Reorders(Lie):
    """Collects messages for a moment and passes them on shuffled."""

    def __init__(self, rng: Random, seconds: float = 0.1) -> None:
        self._rng = rng
        self._seconds = seconds
        self._held: dict[Link, list[Message]] = {}

    def heard(self, link: "Link", message: Message) -> None:
        held = self._held.setdefault(link, [])
        if not held:
            asyncio.get_running_loop().call_later(self._seconds, self._let_go, link)
        held.append(message)

    def _let_go(self, link: "Link") -> None:
        held = self._held.pop(link)
        self._rng.shuffle(held)
        for message in held:
            link.tell(message)


class Delays(Lie):
    """Holds each message back for a time of its own."""

    def __init__(self, rng: Random, seconds: float) -> None:
        self._rng = rng
        self._seconds = seconds

    def heard(self, link: "Link", message: Message) -> None:
        asyncio.get_running_loop().call_later(self._rng.uniform(0, self._seconds), link.tell, message)


class Swaps(Lie):
    """Gives a message the topic of another that any client was sent, every second one."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._topics: list[str] = []

    def heard(self, link: "Link", message: Message) -> None:
        self._topics.append(message.topic)
        if self._rng.random() < 0.5:
            link.tell(message)
        else:
            link.tell(message._replace(topic=self._rng.choice(self._topics)))


class Everything(Lie):
    """One lie for this message, another for the next."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._lies = [Lie(), Drops(rng, 0.5), Repeats(), Reorders(rng), Delays(rng, 0.3), Swaps(rng)]

    def said(self, link: "Link", message: Message) -> bool:
        return self._rng.choice(self._lies).said(link, message)

    def heard(self, link: "Link", message: Message) -> None:
        self._rng.choice(self._lies).heard(link, message)


class Link:
    """One client's connection through the liar.

    Attributes:
        client_id: What the client called itself.
    """

    def __init__(self, liar: "LyingBroker", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client_id = ""
        self._liar = liar
        self._client = client
        self._server = server

    def tell(self, message: Message) -> None:
        """A PUBLISH to the client."""
        name = packet.topic_name(message.topic)
        self.tell_raw(packet.publish(name, message.payload, retain=message.retain))

    def tell_raw(self, data: bytes) -> None:
        """Bytes to the client, a packet or not."""
        if not self._client.is_closing():
            self._client.write(data)

    def from_client(self, first: int, body: bytes, whole: bytes) -> None:
        """A packet of the client's."""
        if first & 0xF0 == packet.CONNECT:
            length = int.from_bytes(body[10:12], "big")
            self.client_id = body[12 : 12 + length].decode()
        if first & 0xF0 == packet.PUBLISH:
            message, identifier = _publish(first, body)
            self._liar.said.append(message)
            if not self._liar.lie.said(self, message):
                if identifier:
                    self.tell_raw(packet.packet(packet.PUBACK, identifier))
                return
        self._server.write(whole)

    def from_server(self, first: int, body: bytes, whole: bytes) -> None:
        """A packet of the broker's."""
        if first & 0xF0 != packet.PUBLISH:
            self.tell_raw(whole)
            return
        message, identifier = _publish(first, body)
        if identifier:
            self._server.write(packet.packet(packet.PUBACK, identifier))
        self._liar.heard.append(message)
        self._liar.lie.heard(self, message)

    def close(self) -> None:
        """Hangs up on both."""
        self._client.close()
        self._server.close()


class LyingBroker:
    """The proxy.

    Attributes:
        lie: What it does with messages from now on.
        links: The clients that are connected.
        said: Everything that clients have published.
        heard: Everything that the broker has published, once for each client.
    """

    def __init__(self, broker: Broker) -> None:
        self.lie = Lie()
        self.links: list[Link] = []
        self.said: list[Message] = []
        self.heard: list[Message] = []
        self.url = ""
        self._broker = broker
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, message: Message) -> None:
        """Made up: to every client, whatever it has subscribed to."""
        for link in self.links:
            link.tell(message)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until either side hangs up."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            server_reader, server = await asyncio.open_connection("127.0.0.1", self._broker.port)
        except OSError:
            writer.close()
            return
        link = Link(self, writer, server)
        self.links.append(link)
        pumps = [
            asyncio.create_task(_pump(reader, link.from_client)),
            asyncio.create_task(_pump(server_reader, link.from_server)),
        ]
        try:
            with suppress(asyncio.CancelledError):  # by `stop`; asyncio would make a report of it
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.links.remove(link)
            link.close()
            self._tasks.discard(task)

    async def stop(self) -> None:
        """Hangs up on everybody."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def lying_broker(broker: Broker) -> AsyncIterator[LyingBroker]:
    """A liar before a broker without TLS; honest at first."""
    liar = LyingBroker(broker)
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    async with server:
        liar.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield liar
        finally:
            await liar.stop()


async def _pump(reader: asyncio.StreamReader, take: Callable[[int, bytes, bytes], None]) -> None:
    """Cuts what comes into packets (MQTT 3.1.1 section 2.2), until the end."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readexactly(2)
            while head[-1] & 0x80:
                head += await reader.readexactly(1)
            length, _ = packet.remaining_length(head, 1)
            body = await reader.readexactly(length)
            take(head[0], body, head + body)


def _publish(first: int, body: bytes) -> tuple[Message, bytes]:
    """A PUBLISH (3.3) and its packet identifier, b"" for QoS 0."""
    at = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:at].decode()
    qos = first >> 1 & 3
    identifier = body[at : at + 2] if qos else b""
    return Message(topic, body[at + len(identifier) :], qos, bool(first & 1)), identifier

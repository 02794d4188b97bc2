# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's way to a broker: `ganglion.mqtt` that reconnects. One read is one callback, one loop turn is one write."""

import asyncio
import logging
import secrets
from collections.abc import Callable

from ganglion.errors import GanglionError, LocalProtocolError
from ganglion.mesh.backoff import STABLE, Backoff
from ganglion.mesh.complaints import Complaints
from ganglion.mesh.transport import Message, TransportStatistics, refused_subscription
from ganglion.mqtt import packet
from ganglion.mqtt.client import HIGH_WATER, Callbacks, Client, Counters
from ganglion.mqtt.connection import Connection
from ganglion.mqtt.outbox import Outbox
from ganglion.mqtt.packet import MAX_PACKET, Will
from ganglion.mqtt.url import BrokerUrl

_log = logging.getLogger(__name__)

#: Filters in one SUBSCRIBE: AWS IoT Core takes no more.
_FILTERS = 8


class MqttTransport:
    """`ganglion.mesh.transport.Transport` on our own MQTT client.

    Args:
        url: The broker, `mqtt://[user:password@]host[:1883]` or `mqtts://`.
        client_id: What the broker knows us by; a random one where none is given.
        keep_alive: Seconds, 1 to 65535.
        backoff: Delays between attempts.
        outbox: Bounds of what waits for its acknowledgement.
        high_water: Bytes that may wait for a slow socket.
        max_packet: Bytes of the largest packet taken or sent.

    Raises:
        InvalidError: the URL is none.
    """

    def __init__(
        self,
        url: str | BrokerUrl,
        *,
        client_id: str | None = None,
        keep_alive: int = 30,
        backoff: Backoff | None = None,
        outbox: Outbox | None = None,
        high_water: int = HIGH_WATER,
        max_packet: int = MAX_PACKET,
    ) -> None:
        self.on_messages: Callable[[list[Message]], None] = lambda messages: None
        self.on_connected: Callable[[], None] = lambda: None
        self.on_disconnected: Callable[[], None] = lambda: None
        self.url = url if isinstance(url, BrokerUrl) else BrokerUrl.parse(url)
        self.client_id = client_id or f"ganglion{secrets.token_hex(7)}"
        self._keep_alive = keep_alive
        self._backoff = backoff or Backoff()
        self._outbox = Outbox() if outbox is None else outbox
        self._high_water = high_water
        self._max_packet = max_packet
        self._will: Will | None = None
        self._filters: dict[str, int] = {}
        self._client: Client | None = None
        self._counters = Counters()
        self._connections = self._refused = 0
        self._complaints = Complaints(_log, str(self.url))
        self._connection(0.0)  # refuses here what CONNECT cannot carry

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def pending(self) -> int:
        return len(self._outbox)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        on_done: Callable[[], None] | None = None,
    ) -> None:
        client = self._client
        if qos == 0 and client is not None:
            client.publish(topic, payload, retain=retain, on_done=on_done)
            return
        name = packet.topic_name(topic)
        if len(name) + len(payload) > self._max_packet:
            raise LocalProtocolError(
                f"a message of {len(payload)} bytes to {topic!r} is over the limit of {self._max_packet}"
            )
        if packet.level(qos) == 0:
            self._counters.dropped += 1
        elif self._outbox.put(name, payload, retain=retain, token=on_done or _nobody) and client is not None:
            client.wake()

    def subscribe(self, filter: str, qos: int = 0) -> None:
        packet.topic_filter(filter)
        self._filters[filter] = packet.level(qos)
        if self._client is not None:
            self._client.subscribe([(filter, qos)])

    def unsubscribe(self, filter: str) -> None:
        if self._filters.pop(filter, None) is not None and self._client is not None:
            self._client.unsubscribe(filter)

    def set_will(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        packet.topic_name(topic)
        self._will = Will(topic=topic, payload=payload, qos=packet.level(qos), retain=retain)

    def statistics(self) -> TransportStatistics:
        return TransportStatistics(
            connected=self.connected,
            connections=self._connections,
            sent=self._counters.sent,
            received=self._counters.received,
            pending=self.pending,
            dropped=self._counters.dropped,
            overflowed=self._outbox.overflowed,
            refused=self._refused,
            failed=self._counters.failed,
        )

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        callbacks = Callbacks(
            opened=self._opened, received=self._received, subscribed=self._subscribed, closed=self._closed
        )
        while True:
            try:
                client = await Client.open(
                    self.url, self._connection, callbacks, self._counters, high_water=self._high_water
                )
            except GanglionError as error:
                self._complaints.add(error)
            else:
                began = loop.time()
                try:
                    why = await asyncio.shield(client.lost)
                except asyncio.CancelledError:
                    await client.close()
                    raise
                self._complaints.add(why)
                if loop.time() - began >= STABLE:
                    self._backoff.reset()
                    self._complaints.clear()
            await asyncio.sleep(self._backoff.delay())

    def _connection(self, now: float) -> Connection:
        return Connection(
            self.client_id,
            keep_alive=self._keep_alive,
            outbox=self._outbox,
            will=self._will,
            username=self.url.username,
            password=self.url.password,
            max_packet=self._max_packet,
            now=now,
        )

    def _opened(self, client: Client) -> None:
        self._client = client
        self._connections += 1
        _log.info("Connected to %s.", self.url)
        filters = list(self._filters.items())
        for i in range(0, len(filters), _FILTERS):
            client.subscribe(filters[i : i + _FILTERS])
        self.on_connected()

    def _received(self, messages: list[Message]) -> None:
        self.on_messages(messages)

    def _subscribed(self, granted: dict[str, int | None]) -> None:
        for filter, qos in granted.items():
            if qos is None:
                self._refused += 1
                self._complaints.add(refused_subscription(filter))

    def _closed(self, client: Client) -> None:
        self._client = None
        self.on_disconnected()


def _nobody() -> None:
    """Waits for no acknowledgement."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's way to a broker: `ganglion.mqtt` that reconnects. One read is one callback, one loop turn is one write."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from functools import partial

from ganglion.errors import GanglionError, LocalProtocolError
from ganglion.mesh.alternates import Alternates
from ganglion.mesh.backoff import STABLE, Backoff
from ganglion.mesh.complaints import Complaints
from ganglion.mesh.refusals import Refusals
from ganglion.mesh.transport import Message, TransportStatistics, refused_subscription
from ganglion.mqtt import packet
from ganglion.mqtt.client import HIGH_WATER, Callbacks, Client, Counters
from ganglion.mqtt.connection import Connection
from ganglion.mqtt.outbox import Outbox
from ganglion.mqtt.oversize import Oversize
from ganglion.mqtt.packet import MAX_PACKET, Will
from ganglion.mqtt.url import Addresses, BrokerUrl

_log = logging.getLogger(__name__)

#: Filters in one SUBSCRIBE: AWS IoT Core takes no more.
_FILTERS = 8
#: Topics with messages over the limit that the log names, and how many letters of each: who writes them chooses both.
_TOPICS = 16
_TOPIC = 200


class MqttTransport:
    """`ganglion.mesh.transport.Transport` on our own MQTT client.

    Args:
        url: The broker as `ganglion.mqtt.url` writes it, or several addresses of it, tried in turn.
        client_id: What the broker knows us by; a random one where none is given.
        keep_alive: Seconds, 1 to 65535.
        backoff: Delays between attempts.
        outbox: Bounds of what waits for its acknowledgement.
        high_water: Bytes that may wait for a slow socket.
        max_packet: Bytes of the largest packet taken or sent. A larger message is passed over, counted and logged.

    Raises:
        InvalidError: the URL is none.
    """

    def __init__(
        self,
        url: Addresses,
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
        self._alternates = Alternates(url, backoff or Backoff())
        self.client_id = client_id or f"ganglion{secrets.token_hex(7)}"
        self._keep_alive = keep_alive
        self._outbox = Outbox() if outbox is None else outbox
        self._high_water = high_water
        self._max_packet = max_packet
        self._will: Will | None = None
        self._filters: dict[str, int] = {}
        self._client: Client | None = None
        self._counters = Counters()
        self._connections = self._refused = 0
        self._complaints = Complaints(_log)
        self._oversize: set[str] = set()  # topics that the log has named
        self._refusals = Refusals(self._ask)
        for each in self._alternates.urls:  # refuses here what CONNECT cannot carry
            self._connection(each.username, each.password, 0.0)

    @property
    def url(self) -> BrokerUrl:
        """The address in use, or tried next."""
        return self._alternates.url

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
        lasting: bool = True,
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
        if packet.level(qos) == 0 or (client is None and not lasting):
            self._counters.dropped += 1
        elif (
            self._outbox.put(name, payload, retain=retain, lasting=lasting, token=on_done or _nobody)
            and client is not None
        ):
            client.wake()

    def subscribe(self, filter: str, qos: int = 0) -> None:
        packet.topic_filter(filter)
        self._filters[filter] = packet.level(qos)
        self._refusals.forget(filter)
        if self._client is not None:
            self._client.subscribe([(filter, qos)])

    def unsubscribe(self, filter: str) -> None:
        self._refusals.forget(filter)
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
            oversize=self._counters.oversize,
        )

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        callbacks = Callbacks(
            opened=self._opened,
            received=self._received,
            subscribed=self._subscribed,
            closed=self._closed,
            oversize=self._passed_over,
        )
        while True:
            try:
                connect = partial(self._connection, *self.url.credentials())
                client = await Client.open(self.url, connect, callbacks, self._counters, high_water=self._high_water)
            except GanglionError as error:
                why = error
                self._complaints.add(self.url, why)
            else:
                began = loop.time()
                try:
                    why = await asyncio.shield(client.lost)
                except asyncio.CancelledError:
                    await client.close()
                    raise
                self._complaints.add(self.url, why)
                if loop.time() - began >= STABLE:
                    self._alternates.worked()
                    self._complaints.clear()
            await asyncio.sleep(self._alternates.failed(why))

    def _connection(self, username: str | None, password: str | None, now: float) -> Connection:
        return Connection(
            self.client_id,
            keep_alive=self._keep_alive,
            outbox=self._outbox,
            will=self._will,
            username=username,
            password=password,
            max_packet=self._max_packet,
            now=now,
        )

    def _opened(self, client: Client) -> None:
        self._client = client
        self._connections += 1
        _log.info("Connected to %s.", self.url)
        self._ask(list(self._filters.items()))
        self.on_connected()

    def _ask(self, filters: list[tuple[str, int]]) -> None:
        if self._client is not None:
            for i in range(0, len(filters), _FILTERS):
                self._client.subscribe(filters[i : i + _FILTERS])

    def _received(self, messages: list[Message]) -> None:
        self.on_messages(messages)

    def _subscribed(self, granted: dict[str, int | None]) -> None:
        for filter, qos in granted.items():
            if qos is None:
                self._refused += 1
                self._complaints.add(self.url, refused_subscription(filter))
                if filter in self._filters:
                    self._refusals.add(filter, self._filters[filter])

    def _passed_over(self, what: Oversize) -> None:
        if what.topic in self._oversize or len(self._oversize) >= _TOPICS:
            return
        self._oversize.add(what.topic)
        _log.warning(
            "%s: a message of %d bytes on %r is passed over, the limit here is %d. "
            "If the broker has retained it, clear it there.%s",
            self.url,
            what.size,
            what.topic[:_TOPIC],
            what.limit,
            " Further topics are counted alone." if len(self._oversize) == _TOPICS else "",
        )

    def _closed(self, client: Client) -> None:
        self._client = None
        self._outbox.lost()
        self._refusals.clear()
        self.on_disconnected()


def _nobody() -> None:
    """Waits for no acknowledgement."""

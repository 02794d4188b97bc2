# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's way to the broker of Home Assistant: `ganglion.mesh.transport.Transport` on aiomqtt.

A message costs several times what it costs with `MqttTransport`; in exchange the protocol is the field's reference
client, so that each of the two checks the other under the same tests.
"""

import asyncio
import logging
import math
import secrets
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import NamedTuple, cast

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.reasoncodes import ReasonCode

from ganglion.errors import GanglionError, LocalProtocolError, UnreachableError
from ganglion.mesh.alternates import Alternates
from ganglion.mesh.backoff import STABLE, Backoff
from ganglion.mesh.complaints import Complaints
from ganglion.mesh.refusals import Refusals
from ganglion.mesh.transport import Message, TransportStatistics, refused_subscription
from ganglion.mqtt import packet
from ganglion.mqtt.client import Counters
from ganglion.mqtt.connection import refusal
from ganglion.mqtt.tls import failure
from ganglion.mqtt.url import Addresses, BrokerUrl

_log = logging.getLogger(__name__)

#: Return codes of CONNACK (3.2.2.3) by the MQTT 5 reason codes that paho makes of them.
_RETURN_CODES = {132: 1, 133: 2, 136: 3, 134: 4, 135: 5}
#: Filters in one SUBSCRIBE: AWS IoT Core takes no more.
_FILTERS = 8
#: Turns of the loop that the first message of a batch waits for others.
_TURNS = 4


class _Arrivals(asyncio.Queue[aiomqtt.Message]):
    """A queue that hands over by itself what has come, a few turns of the loop later: paho takes one message a turn.

    No task has to be there for it: one that takes messages out is cancelled when the connection is lost, with what has
    arrived in the same moment in its hands.
    """

    def __init__(self, take: Callable[[list[aiomqtt.Message]], None]) -> None:
        super().__init__()
        self._take = take
        self._batch: list[aiomqtt.Message] = []

    def _put(self, item: aiomqtt.Message) -> None:
        if not self._batch:
            self._wait(_TURNS)
        self._batch.append(item)

    def _wait(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._wait, turns - 1)
        else:
            self.hand_over()

    def hand_over(self) -> None:
        """Does it now."""
        batch, self._batch = self._batch, []
        if batch:
            self._take(batch)


class _Entry(NamedTuple):
    serial: int  # 0 for QoS 0
    topic: str
    payload: bytes
    retain: bool
    lasting: bool
    on_done: Callable[[], None] | None


class AiomqttTransport:
    """`Transport` for programs that are not a node.

    Args:
        url: The broker as `ganglion.mqtt.url` writes it, or several addresses of it, tried in turn.
        client_id: What the broker knows us by; a random one where none is given.
        keep_alive: Seconds, 1 to 65535. Under 5 a broker may end an idle connection: paho looks once a second.
        backoff: Delays between attempts.
        window: QoS 1 messages on their way at once.
        max_pending: QoS 1 messages held until they are acknowledged, and QoS 0 messages that may wait for the socket.
        max_bytes: Payloads of all of these together, in bytes.

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
        window: int = 20,
        max_pending: int = 2000,
        max_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        self.on_messages: Callable[[list[Message]], None] = lambda messages: None
        self.on_connected: Callable[[], None] = lambda: None
        self.on_disconnected: Callable[[], None] = lambda: None
        self._alternates = Alternates(url, backoff or Backoff())
        self.client_id = client_id or f"ganglion{secrets.token_hex(7)}"
        self._keep_alive = keep_alive
        self._window = window
        self._max_pending = max_pending
        self._max_bytes = max_bytes
        self._bytes = 0
        self._will: aiomqtt.Will | None = None
        self._filters: dict[str, int] = {}
        self._serials = count(1)
        self._pending: dict[int, _Entry] = {}  # QoS 1, in the order it was published
        self._client: aiomqtt.Client | None = None
        self._outgoing: asyncio.Queue[_Entry] = asyncio.Queue()
        self._asked: dict[str, int | None] = {}  # what the broker is still to be told; None takes a filter back
        self._news = asyncio.Event()
        self._complaints = Complaints(_log)
        self._refusals = Refusals(self._ask_for)
        self._counters = Counters()
        self._connections = self._overflowed = self._refused = 0

    @property
    def url(self) -> BrokerUrl:
        """The address in use, or tried next."""
        return self._alternates.url

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def pending(self) -> int:
        return len(self._pending)

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
        size = len(packet.topic_name(topic)) + len(payload)
        if size > packet.MAX_PACKET:
            raise LocalProtocolError(f"a message of {size} bytes to {topic!r} is over the limit of {packet.MAX_PACKET}")
        is_full = self._bytes + len(payload) > self._max_bytes
        if packet.level(qos) == 0:
            if self._client is None or is_full or self._outgoing.qsize() >= self._max_pending:
                self._counters.dropped += 1
                return
            entry = _Entry(0, topic, payload, retain, False, on_done)
        elif self._client is None and not lasting:
            self._counters.dropped += 1
            return
        elif is_full or len(self._pending) >= self._max_pending:
            self._overflowed += 1
            return
        else:
            entry = _Entry(next(self._serials), topic, payload, retain, lasting, on_done)
            self._pending[entry.serial] = entry
        self._bytes += len(payload)
        if self._client is not None:
            self._outgoing.put_nowait(entry)

    def subscribe(self, filter: str, qos: int = 0) -> None:
        packet.topic_filter(filter)
        self._filters[filter] = packet.level(qos)
        self._refusals.forget(filter)
        self._ask_for([(filter, qos)])

    def _ask_for(self, filters: list[tuple[str, int]]) -> None:
        self._asked.update(filters)
        self._news.set()

    def unsubscribe(self, filter: str) -> None:
        self._refusals.forget(filter)
        if self._filters.pop(filter, None) is not None:
            self._asked[filter] = None
            self._news.set()

    def set_will(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        packet.topic_name(topic)
        self._will = aiomqtt.Will(topic, payload, packet.level(qos), retain)

    def statistics(self) -> TransportStatistics:
        return TransportStatistics(
            connected=self.connected,
            connections=self._connections,
            sent=self._counters.sent,
            received=self._counters.received,
            pending=self.pending,
            dropped=self._counters.dropped,
            overflowed=self._overflowed,
            refused=self._refused,
            failed=self._counters.failed,
            oversize=self._counters.oversize,
        )

    async def run(self) -> None:
        while True:
            # A task of its own: a task group that fails in the moment it is cancelled tells of the failure alone, and
            # the cancellation would be lost
            connection = asyncio.create_task(self._connection(), name=f"connection to {self.url}")
            try:
                await asyncio.wait([connection])
            except asyncio.CancelledError:
                connection.cancel()
                await asyncio.gather(connection, return_exceptions=True)
                raise
            why: GanglionError = UnreachableError("the connection ended")
            try:
                connection.result()
            except* (aiomqtt.MqttError, GanglionError) as group:
                why = _reason(self.url, group.exceptions[0])
                self._complaints.add(self.url, why)
            await asyncio.sleep(self._alternates.failed(why))

    async def _connection(self) -> None:
        """One connection, until it is lost (an ExceptionGroup) or cannot be had (MqttError)."""
        arrivals = _Arrivals(self._take)
        username, password = self.url.credentials()
        client = aiomqtt.Client(
            self.url.host,
            self.url.port,
            username=username,
            password=password,
            tls_context=self.url.tls_context(),
            identifier=self.client_id,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            will=self._will,
            keepalive=self._keep_alive,
            queue_type=cast(type[asyncio.Queue[aiomqtt.Message]], lambda maxsize: arrivals),
            max_inflight_messages=self._window,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client.pending_calls_threshold = self._window + len(self._filters)
        async with AsyncExitStack() as stack:
            await _enter(client)
            stack.push_async_exit(client)
            began = asyncio.get_running_loop().time()
            self._client = client
            self._connections += 1
            self._asked = {}
            self._outgoing = asyncio.Queue()
            for entry in self._pending.values():
                self._outgoing.put_nowait(entry)
            _log.info("Connected to %s.", self.url)
            try:
                async with asyncio.TaskGroup() as tasks:
                    # They start in this order: the filters are on the wire before anything that could be answered
                    for filters in _chunks(list(self._filters.items())):
                        tasks.create_task(self._subscribe(client, filters))
                    tasks.create_task(_until_lost(client))
                    tasks.create_task(self._ask(client))
                    for _ in range(self._window):
                        tasks.create_task(self._send(client))
                    self._call(self.on_connected)
            finally:
                self._client = None
                self._refusals.clear()
                arrivals.hand_over()
                while not self._outgoing.empty():
                    entry = self._outgoing.get_nowait()
                    if not entry.serial:
                        self._bytes -= len(entry.payload)
                        self._counters.dropped += 1
                for entry in [entry for entry in self._pending.values() if not entry.lasting]:
                    self._bytes -= len(self._pending.pop(entry.serial).payload)
                self._call(self.on_disconnected)
                if asyncio.get_running_loop().time() - began >= STABLE:
                    self._alternates.worked()
                    self._complaints.clear()

    def _take(self, batch: list[aiomqtt.Message]) -> None:
        messages = [Message(each.topic.value, each.payload, each.qos, each.retain) for each in batch]
        self._counters.received += len(messages)
        self._call(self.on_messages, messages)

    async def _send(self, client: aiomqtt.Client) -> None:
        """One of `window` that take turns: each has at most one message on its way."""
        outgoing = self._outgoing
        while True:
            serial, topic, payload, retain, _, on_done = await outgoing.get()
            is_sent = False
            try:
                # No timeout: a broker that does not answer is found out by the keep-alive
                await client.publish(topic, payload, qos=1 if serial else 0, retain=retain, timeout=math.inf)
                is_sent = True
            finally:
                if is_sent or not serial:
                    self._bytes -= len(payload)
                    self._pending.pop(serial, None)
                self._counters.dropped += not (is_sent or serial)
            self._counters.sent += 1
            if on_done is not None:
                self._call(on_done)

    async def _ask(self, client: aiomqtt.Client) -> None:
        """Tells the broker which filters came and went since the connection was made."""
        while True:
            await self._news.wait()
            self._news.clear()
            asked, self._asked = self._asked, {}
            for filters in _chunks([(filter, qos) for filter, qos in asked.items() if qos is not None]):
                await self._subscribe(client, filters)
            for filter, qos in asked.items():
                if qos is None:
                    await client.unsubscribe(filter)

    async def _subscribe(self, client: aiomqtt.Client, filters: list[tuple[str, int]]) -> None:
        codes = [code if isinstance(code, int) else code.value for code in await client.subscribe(filters)]
        for (filter, _), code in zip(filters, codes, strict=True):
            if code >= 0x80:
                self._refused += 1
                self._complaints.add(self.url, refused_subscription(filter))
                if filter in self._filters:
                    self._refusals.add(filter, self._filters[filter])

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        try:
            callback(*args)
        except Exception:
            self._counters.failed += 1
            _log.exception("A callback of the broker's connection raised; the connection goes on.")


async def _until_lost(client: aiomqtt.Client) -> None:
    """Ends with the MqttError that ends the connection; messages go another way."""
    async for _ in client.messages:
        pass


async def _enter(client: aiomqtt.Client) -> None:
    """Connects. aiomqtt, cancelled in the middle of that, would leave a connection behind that nobody closes."""
    entering = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        with suppress(aiomqtt.MqttError):
            await entering
            await client.__aexit__(None, None, None)
        raise


def _chunks(filters: list[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    return [filters[i : i + _FILTERS] for i in range(0, len(filters), _FILTERS)]


def _reason(url: BrokerUrl, error: Exception) -> GanglionError:
    """Why a connection is over or cannot be had, in the words of `MqttTransport`."""
    if isinstance(error, GanglionError):
        return error
    if isinstance(error.__context__, OSError):  # aiomqtt has made text of it
        return failure(url, error.__context__)
    code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    if isinstance(error, MqttConnectError) and isinstance(code, ReasonCode):
        return refusal(_RETURN_CODES.get(code.value, code.value))
    return UnreachableError(f"the connection broke: {error}")

# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket under `Connection`: one connection on asyncio, until it is lost. The only file in mqtt/ that does I/O."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ganglion.errors import GanglionError, UnreachableError
from ganglion.mqtt.connection import (
    PATIENCE,
    Acknowledged,
    Connected,
    Connection,
    Event,
    Lost,
    Received,
    State,
    Subscribed,
)
from ganglion.mqtt.oversize import Oversize
from ganglion.mqtt.packet import Message
from ganglion.mqtt.tls import failure
from ganglion.mqtt.url import BrokerUrl

_log = logging.getLogger(__name__)

#: Bytes of one read: about 1,000 small messages.
_READ = 64 * 1024
#: Bytes of QoS 0 that are gathered at most before they are written, even in the middle of a loop turn.
_GATHER = 64 * 1024
#: Bytes that may wait for a slow socket; above it QoS 0 is dropped and counted until a quarter is left.
HIGH_WATER = 1024 * 1024
#: Seconds that a broker has to hang up after DISCONNECT.
_FAREWELL = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """What a client tells its owner, on the loop. A callback that raises is logged and counted; the connection goes on.

    Attributes:
        opened: The broker has let us in. What is sent in here goes out before the QoS 1 messages that waited.
        received: All messages of one read. They are acknowledged to the broker when it has returned.
        subscribed: The QoS granted to each filter, None where the broker refused it.
        closed: The connection that was `opened` is over.
        oversize: A message is passed over, as it is larger than the limit.
    """

    opened: Callable[["Client"], None]
    received: Callable[[list[Message]], None]
    subscribed: Callable[[dict[str, int | None]], None]
    closed: Callable[["Client"], None]
    oversize: Callable[[Oversize], None]


@dataclass(slots=True, kw_only=True)
class Counters:
    """What went through; one object may serve one connection after another.

    Attributes:
        sent: QoS 0 messages handed to the socket, and QoS 1 messages acknowledged.
        received: Messages handed over.
        dropped: QoS 0 messages dropped: no connection, or a socket slower than the publisher.
        failed: Calls of a callback that raised.
        oversize: Messages passed over, as they were larger than the limit.
    """

    sent: int = 0
    received: int = 0
    dropped: int = 0
    failed: int = 0
    oversize: int = 0


class Client(asyncio.BufferedProtocol):
    """One connection. `open` makes it; `lost` says when and why it ended.

    Everything published in one turn of the loop goes out in one write.

    Args:
        high_water: Bytes that may wait for the socket.
    """

    def __init__(
        self, url: BrokerUrl, connection: Connection, callbacks: Callbacks, counters: Counters, high_water: int
    ) -> None:
        self._url = url
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._callbacks = callbacks
        self._counters = counters
        self._high_water = high_water
        self._transport: asyncio.Transport | None = None
        self._view = memoryview(bytearray(_READ))
        self._paused = False
        self._flush_is_due = False
        self._written: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._why: GanglionError | None = None
        self._is_open = False
        self._opened: asyncio.Future[GanglionError | None] = self._loop.create_future()
        self.lost: asyncio.Future[GanglionError] = self._loop.create_future()
        """Done when the connection is over and its socket closed; the result says why."""

    @classmethod
    async def open(
        cls,
        url: BrokerUrl,
        connect: Callable[[float], Connection],
        callbacks: Callbacks,
        counters: Counters,
        *,
        high_water: int = HIGH_WATER,
    ) -> "Client":
        """Opens the socket, makes the `Connection` with `connect` at the loop's time, and waits for CONNACK.

        Raises:
            UnreachableError: no TCP connection, no TLS session, or no answer in time.
            RefusedError: the broker does not let us in, or it is not the one that its certificate should
                name.
            RemoteProtocolError: what answers does not speak MQTT 3.1.1.
            InvalidError: a file that the URL names cannot be read.
        """
        context = url.tls_context()
        loop = asyncio.get_running_loop()

        def protocol() -> Client:
            return cls(url, connect(loop.time()), callbacks, counters, high_water)

        try:
            async with asyncio.timeout(PATIENCE):
                _, client = await loop.create_connection(protocol, url.host, url.port, ssl=context)
        except TimeoutError:
            raise UnreachableError(f"nothing answers at {url} within {PATIENCE:.0f} s: is the address right?") from None
        except OSError as error:
            raise failure(url, error) from error
        try:
            refusal = await client._opened
        except asyncio.CancelledError:
            await client.close()
            raise
        if refusal is not None:
            await client.lost
            raise refusal
        return client

    @property
    def writable(self) -> bool:
        """False while the socket is slower than the publisher: QoS 0 is dropped, QoS 1 waits in the outbox."""
        return not self._paused and self._connection.state is State.OPEN

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, on_done: Callable[[], None] | None = None
    ) -> None:
        """Sends a message with QoS 0 at the end of this loop turn; drops and counts it where it is not `writable`.

        Raises:
            LocalProtocolError: no topic name, or a message over the limit.
        """
        if self._paused or self._connection.state is not State.OPEN:
            self._counters.dropped += 1
            return
        self._connection.publish(topic, payload, retain=retain)
        self._counters.sent += 1
        if on_done is not None:
            self._written.append(on_done)
        if self._connection.waiting >= _GATHER:
            self._flush()
        elif not self._flush_is_due:
            self.wake()

    def wake(self) -> None:
        """Sends what was put into the outbox at the end of this loop turn."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush_now)

    def subscribe(self, filters: list[tuple[str, int]]) -> None:
        """Asks for `filters`, each with its QoS, in one packet.

        Raises:
            LocalProtocolError: not a topic filter.
        """
        if self._connection.state is State.OPEN:
            self._connection.subscribe(filters)
            self.wake()

    def unsubscribe(self, filter: str) -> None:
        """Asks for no more messages of `filter`."""
        if self._connection.state is State.OPEN:
            self._connection.unsubscribe(filter)
            self.wake()

    async def close(self) -> None:
        """Writes what waits and a DISCONNECT, so that the broker drops the will, and lets the broker hang up (3.14.4).

        Closing a socket that has unread bytes resets it, and a broker that sees the reset before the DISCONNECT
        publishes the will. So the socket is read until the broker closes it, for a second at most.
        """
        self._flush()
        self._connection.disconnect()
        self._flush()
        self._why = self._why or GanglionError("we disconnected")
        try:
            async with asyncio.timeout(_FAREWELL):
                await asyncio.shield(self.lost)
        except TimeoutError:
            self.abort()
            await self.lost

    def abort(self) -> None:
        """Hangs up without a word; the broker publishes the will."""
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        transport.set_write_buffer_limits(high=self._high_water, low=self._high_water // 4)
        self._flush()
        self._arm()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._handle(self._connection.receive(bytes(self._view[:nbytes]), self._loop.time()))

    def eof_received(self) -> None:
        self._handle(self._connection.receive(b"", self._loop.time()))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._connection.disconnect()
        why = self._why or self._broken(exc)
        if not self.lost.done():
            self.lost.set_result(why)
        if not self._opened.done():
            self._opened.set_result(why)
        elif self._is_open:
            self._call(self._callbacks.closed, self)

    def _broken(self, exc: Exception | None) -> GanglionError:
        if isinstance(exc, ssl.SSLError):  # an alert that comes when the handshake is over for us (RFC 8446 section 6)
            return failure(self._url, exc)
        return UnreachableError(f"the connection broke: {exc or 'the broker closed it'}")

    # What happens

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Received(messages):
                    self._counters.received += len(messages)
                    self._call(self._callbacks.received, messages)
                case Acknowledged(tokens):
                    self._counters.sent += len(tokens)
                    for on_done in tokens:
                        self._call(on_done)
                case Subscribed(granted):
                    self._call(self._callbacks.subscribed, granted)
                case Oversize():
                    self._counters.oversize += 1
                    self._call(self._callbacks.oversize, event)
                case Connected():
                    self._is_open = True
                    if not self._opened.done():  # nobody waits any more when `open` was cancelled
                        self._opened.set_result(None)
                    self._call(self._callbacks.opened, self)
                    self._connection.resume()
                    self._arm()
                case Lost(error):
                    self._why = error
                    self.abort()
        self._flush()

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        try:
            callback(*args)
        except Exception:
            self._counters.failed += 1
            _log.exception("A callback of the broker's connection raised; the connection goes on.")

    def _flush_now(self) -> None:
        self._flush_is_due = False
        self._flush()

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not self._paused:
            self._connection.fill()
        if data := self._connection.send(self._loop.time()):
            transport.write(data)
            if self._paused and transport.get_write_buffer_size() > 4 * self._high_water:
                self._why = UnreachableError("the broker sends and does not read: its acknowledgements pile up here")
                self.abort()
        if self._written:
            written, self._written = self._written, []
            for on_done in written:
                self._call(on_done)

    def _tick(self) -> None:
        self._handle(self._connection.tick(self._loop.time()))
        if self._connection.state is not State.CLOSED:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._connection.deadline, self._tick)

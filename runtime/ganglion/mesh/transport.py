# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mesh asks of a way to a broker.

Members have `MqttTransport`, what else the gateway says to brokers goes by `AiomqttTransport`; the same tests hold both
to this page.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ganglion.errors import RefusedError
from ganglion.mqtt.packet import Message

__all__ = ["Message", "NoBroker", "Transport", "TransportStatistics", "carry", "refused_subscription"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportStatistics:
    """Counters since the transport was made.

    Attributes:
        connected: Whether there is a connection now.
        connections: How often one was made.
        sent: Messages written (QoS 0) and acknowledged by the broker (QoS 1).
        received: Messages handed to `on_messages`.
        pending: QoS 1 messages not yet acknowledged.
        dropped: QoS 0 messages dropped: no connection, or a socket slower than the publisher.
        overflowed: QoS 1 messages refused because too many were pending.
        refused: Subscriptions that the broker refused.
        failed: Calls of a callback that raised.
        oversize: Messages passed over, as they were larger than the limit.
    """

    connected: bool
    connections: int
    sent: int
    received: int
    pending: int
    dropped: int
    overflowed: int
    refused: int
    failed: int
    oversize: int


class Transport(Protocol):
    """A way to a broker that comes back by itself. All calls and callbacks happen on one event loop.

    Attributes:
        on_messages: Gets the messages that arrived together, never an empty list.
        on_connected: Called after every CONNACK, when the subscriptions are asked for again.
        on_disconnected: Called once for every `on_connected`, when that connection is over.
    """

    on_messages: Callable[[list[Message]], None]
    on_connected: Callable[[], None]
    on_disconnected: Callable[[], None]

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        ...

    @property
    def pending(self) -> int:
        """QoS 1 messages not yet acknowledged by the broker."""
        ...

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
        """Queues a message; returns at once.

        QoS 0 goes out now or never: without a connection, or when the socket is slower than the publisher, it
        is dropped and counted. QoS 1 is kept, in a bounded queue, over losses of the connection until the
        broker acknowledges it; it may arrive more than once. Where the queue is full the new message is
        refused and counted.

        Args:
            lasting: Whether QoS 1 is kept over a loss of the connection. Else it is dropped with that one, and without
                one at once: whoever says it anew on the next connection has it come in its turn.
            on_done: Called when the message is written (QoS 0) or acknowledged (QoS 1); never for one dropped
                or refused.

        Raises:
            LocalProtocolError: no topic name (empty, a wildcard), another QoS, or a message over the limit.
        """
        ...

    def subscribe(self, filter: str, qos: int = 0) -> None:
        """Asks for a topic filter now and after every reconnect.

        A refusal is logged and counted, and the filter asked for again after a while.

        Raises:
            LocalProtocolError: no topic filter, or another QoS.
        """
        ...

    def unsubscribe(self, filter: str) -> None:
        """Takes a subscription back."""
        ...

    def set_will(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """What the broker publishes when we vanish. Holds from the next connection on, and for all that follow.

        Raises:
            LocalProtocolError: no topic name, or another QoS.
        """
        ...

    async def run(self) -> None:
        """Connects, and reconnects for ever with exponential backoff and jitter.

        Cancelled, it writes what waits and disconnects; the broker drops the will then.

        A broker that cannot be reached, or refuses us, is logged once for each reason and tried again.
        """
        ...

    def statistics(self) -> TransportStatistics:
        """What happened so far."""
        ...


class NoBroker:
    """The transport of a member that has no broker, and only neighbours: it never connects."""

    def __init__(self) -> None:
        self.on_messages: Callable[[list[Message]], None] = lambda messages: None
        self.on_connected: Callable[[], None] = lambda: None
        self.on_disconnected: Callable[[], None] = lambda: None
        self.connected = False
        self.pending = 0
        self._dropped = 0

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
        self._dropped += 1

    def subscribe(self, filter: str, qos: int = 0) -> None:
        """Nothing comes."""

    def unsubscribe(self, filter: str) -> None:
        """Nothing came."""

    def set_will(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """Nobody is there to say it."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    def statistics(self) -> TransportStatistics:
        return TransportStatistics(
            connected=False,
            connections=0,
            sent=0,
            received=0,
            pending=0,
            dropped=self._dropped,
            overflowed=0,
            refused=0,
            failed=0,
            oversize=0,
        )


def refused_subscription(filter: str) -> RefusedError:
    """What is logged when SUBACK says 0x80 (MQTT 3.1.1 section 3.9.3)."""
    return RefusedError(
        f"the broker refuses the subscription to {filter!r}: give this user the right to read it "
        "(a cluster that has just lost a node refuses what it will grant in a moment)"
    )


async def carry(transport: Transport, *, again: asyncio.Event) -> None:
    """Runs a transport until cancelled; anew whenever `again` is set, as for another will."""
    while True:
        again.clear()
        line = asyncio.create_task(transport.run())
        anew = asyncio.create_task(again.wait())
        try:
            await asyncio.wait((line, anew), return_when=asyncio.FIRST_COMPLETED)
            if line.done():
                return line.result()
        finally:
            anew.cancel()
            line.cancel()
            await asyncio.wait((line,))  # not `await line`: its cancellation and our own could not be told apart

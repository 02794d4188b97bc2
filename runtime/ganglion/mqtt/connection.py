# SPDX-License-Identifier: GPL-3.0-or-later
"""MQTT 3.1.1 client connection without I/O: bytes and time in, events and bytes out.

Nothing here awaits, sleeps or reads a clock. `client.py` owns the socket; tests own the bytes. Section
numbers are those of MQTT Version 3.1.1 (OASIS, 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ganglion.errors import (
    GanglionError,
    LocalProtocolError,
    RefusedError,
    RemoteProtocolError,
    UnreachableError,
)
from ganglion.mqtt import packet
from ganglion.mqtt.outbox import LAST_IDENTIFIER, Outbox
from ganglion.mqtt.oversize import Oversize, Skip, head, skip
from ganglion.mqtt.packet import MAX_PACKET, Message, Will
from ganglion.mqtt.split import split_publishes

#: Seconds that a broker has for its CONNACK, and for anything at all after a PINGREQ.
PATIENCE = 10.0
#: Part of the keep-alive after which a PINGREQ goes out. Not all of it: the packet must be there before it has passed
#: (3.1.2.10), and NATS Server rounds the one and a half keep-alives that it waits down to whole seconds.
_PING_AT = 0.75


class State(Enum):
    CONNECTING = "connecting"  # CONNECT is out, CONNACK is not in
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Connected:
    """CONNACK with return code 0 (3.2)."""


@dataclass(frozen=True, slots=True)
class Received:
    """All PUBLISH packets of one `receive` (3.3), in the order they came."""

    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Tokens of the messages whose PUBACK came (3.4)."""

    tokens: list[Any]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """SUBACK (3.9): for each filter the QoS granted, None where the broker refused it."""

    granted: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is over, and why. Hang up."""

    error: GanglionError


Event = Connected | Received | Acknowledged | Subscribed | Oversize | Lost

#: Return codes of CONNACK (table 3.1): what to raise, what happened, what to do about it.
_REFUSALS: dict[int, tuple[type[GanglionError], str]] = {
    1: (RefusedError, "does not speak MQTT 3.1.1 (return code 1): point the URL at a broker that does"),
    2: (RefusedError, "does not take the client identifier (return code 2): choose 1 to 23 other letters and digits"),
    3: (UnreachableError, "is not available (return code 3): it is starting or overloaded, it is tried again"),
    4: (RefusedError, "does not take user name or password (return code 4): correct the URL or its account=FILE"),
    5: (RefusedError, "does not let us in (return code 5): the URL needs user:password or account=FILE that it knows"),
}  # fmt: skip


def refusal(code: int) -> GanglionError:
    """What a CONNACK with return code `code`, not 0, means and asks for (3.2.2.3)."""
    kind, why = _REFUSALS.get(code, (RemoteProtocolError, f"answered return code {code}, which MQTT reserves"))
    return kind(f"the broker {why}")


class Connection:
    """One connection, from CONNECT to its end; make a new one to reconnect.

    Args:
        client_id: What the broker knows us by; 1 to 23 bytes of letters and digits please every broker
            (3.1.3.1).
        keep_alive: Seconds, 1 to 65535 (3.1.2.10). After three quarters of it without sending, or without hearing, a
            PINGREQ goes out; a peer that is silent for half of it then is given up (at most `PATIENCE` seconds).
        outbox: Holds the QoS 1 messages; what an earlier connection left there is sent again.
        will: Published by the broker when we vanish.
        max_packet: Bytes of the largest packet taken or sent. A larger PUBLISH is passed over, acknowledged, and told
            of as `Oversize`; any other larger packet is a breach.
        now: Monotonic seconds, the same clock as every later `now`.

    Raises:
        LocalProtocolError: an argument that MQTT cannot carry; the message names it.
    """

    def __init__(
        self,
        client_id: str,
        *,
        keep_alive: int = 30,
        outbox: Outbox,
        will: Will | None = None,
        username: str | None = None,
        password: str | None = None,
        max_packet: int = MAX_PACKET,
        now: float,
    ) -> None:
        if not 1 <= keep_alive <= 65535:
            raise LocalProtocolError(f"keep-alive of {keep_alive} s is not in 1..65535")
        self.state = State.CONNECTING
        self._outbox = outbox
        self._keep_alive = keep_alive
        self._max_packet = max_packet
        self._began = self._sent = self._heard = now
        self._pinged: float | None = None
        self._part = bytearray()  # the beginning of a packet whose end has not come
        self._wanted = 0  # bytes that `_part` must reach before looking at it again is worth it
        self._skip: Skip | None = None  # the packet of which the rest is to be passed over
        self._identifier = LAST_IDENTIFIER
        self._unanswered: dict[int, Sequence[tuple[str, int]]] = {}  # filters of each SUBSCRIBE, () for UNSUBSCRIBE
        self._out = [packet.connect(client_id, keep_alive=keep_alive, will=will, username=username, password=password)]
        self.waiting = 0
        """Bytes of PUBLISH packets that `send` would return."""

    @property
    def deadline(self) -> float:
        """When `tick` must next be called, in the clock of `now`."""
        if self.state is State.CONNECTING:
            return self._began + PATIENCE
        if self._pinged is not None:
            return self._pinged + min(self._keep_alive / 2, PATIENCE)
        return min(self._sent, self._heard) + _PING_AT * self._keep_alive

    def send(self, now: float) -> bytes:
        """Takes the bytes that wait for the socket; b"" when none do."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        self.waiting = 0
        self._sent = now
        return data

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Queues a message with QoS 0 (3.3). One with QoS 1 goes into the outbox, then `fill`.

        Raises:
            LocalProtocolError: before `Connected`, after `Lost`, no topic name (3.3.2.1), or larger than
                `max_packet`.
        """
        if self.state is not State.OPEN:
            raise LocalProtocolError(f"publish while {self.state.value}")
        name = packet.topic_name(topic)
        length = len(name) + len(payload)
        if length > self._max_packet:
            raise LocalProtocolError(
                f"a message of {length} bytes to {topic!r} is over the limit of {self._max_packet}"
            )
        self._out += (b"\x31" if retain else b"\x30", packet.encoded_length(length), name, payload)
        self.waiting += length

    def resume(self) -> None:
        """Queues again, with DUP (3.3.1.1), what an earlier connection sent and no broker acknowledged."""
        self._out += self._outbox.again()

    def fill(self) -> None:
        """Queues what the outbox holds and its window has room for."""
        if self.state is State.OPEN:
            self._out += self._outbox.take()

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> None:
        """Queues one SUBSCRIBE for all `filters`, each with the QoS asked for; `Subscribed` answers (3.8).

        Raises:
            LocalProtocolError: before `Connected`, after `Lost`, no filters (3.8.3), or one that is none
                (4.7.1).
        """
        identifier = self._ask(filters)
        self._out.append(packet.subscribe(identifier, filters))
        self._unanswered[identifier] = filters

    def unsubscribe(self, filter: str) -> None:
        """Queues an UNSUBSCRIBE (3.10)."""
        identifier = self._ask((filter,))
        self._out.append(packet.unsubscribe(identifier, (filter,)))
        self._unanswered[identifier] = ()

    def _ask(self, filters: Sequence[object]) -> int:
        if self.state is not State.OPEN or not filters:
            raise LocalProtocolError(f"subscription to {len(filters)} filters while {self.state.value}")
        while True:
            self._identifier = self._identifier + 1 if self._identifier < 0xFFFF else LAST_IDENTIFIER + 1
            if self._identifier not in self._unanswered:
                return self._identifier

    def disconnect(self) -> None:
        """Queues a DISCONNECT (3.14), so that the broker drops the will; nothing is received after it."""
        if self.state is not State.CLOSED:  # it may go out before CONNACK came in (3.1.4)
            self._out.append(packet.GOODBYE)
        self.state = State.CLOSED

    def tick(self, now: float) -> list[Event]:
        """Acts on the time: queues a PINGREQ (3.12), or gives the peer up."""
        if self.state is State.CLOSED or now < self.deadline:
            return []
        if self.state is State.CONNECTING:
            return [self._lose(UnreachableError(f"the broker sent no CONNACK in {PATIENCE:.0f} s"))]
        if self._pinged is not None:
            return [self._lose(UnreachableError("the broker is silent: nothing came back after a PINGREQ"))]
        self._out.append(packet.PING)
        self._pinged = now
        return []

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Takes bytes off the wire; b"" says that the peer closed.

        Bytes that break the protocol end in `Lost` with a RemoteProtocolError, behind the events of all
        packets before.
        """
        if self.state is State.CLOSED:
            return []
        if not data:
            when = "before it answered CONNECT" if self.state is State.CONNECTING else "the connection"
            return [self._lose(UnreachableError(f"the broker closed {when}"))]
        self._heard = now
        self._pinged = None
        if self._part:
            self._part += data
            if len(self._part) < self._wanted:
                return []
            data = bytes(self._part)
            self._part.clear()
        events: list[Event] = []
        try:
            self._split(data, events)
        except RemoteProtocolError as error:
            events.append(self._lose(error))
        return events

    def _split(self, data: bytes, events: list[Event]) -> None:
        messages: list[Message] = []
        tokens: list[Any] = []
        acks = bytearray()
        at, end = 0, len(data)
        try:
            while at < end and self.state is not State.CLOSED:
                if self._skip is not None:
                    stop = self._skip.take(data, at)
                    if not self._skip.left:
                        acks += self._skip.ack
                        self._skip = None
                elif self.state is State.OPEN and data[at] & 0xF0 == packet.PUBLISH:
                    stop = split_publishes(data, at, self._max_packet, messages, acks)
                    if stop == at and (passed := skip(data, at, self._max_packet)) is not None:
                        self._skip = passed
                        events.append(passed.what)
                        continue
                else:
                    stop = self._control(data, at, events, tokens)
                if stop == at:
                    self._keep(data, at)
                    break
                at = stop
        finally:
            if acks:
                self._out.append(bytes(acks))
            if messages:
                events.append(Received(messages))
            if tokens:
                events.append(Acknowledged(tokens))

    def _keep(self, data: bytes, at: int) -> None:
        """Keeps the first bytes of a packet until all are there."""
        self._part += data[at:]
        length, body = packet.remaining_length(data, at + 1)
        whole = body - at + length if body else len(self._part) + 1
        self._wanted = head(data, at, self._max_packet) or whole

    def _control(self, data: bytes, at: int, events: list[Event], tokens: list[Any]) -> int:
        """Takes the packet at `at`, no PUBLISH; returns the offset behind it, or `at` when its end is to come."""
        length, start = packet.remaining_length(data, at + 1)
        stop = start + length
        if start and stop - at > self._max_packet:
            raise RemoteProtocolError(f"the broker sent a packet of {stop - at} bytes, the limit is {self._max_packet}")
        if not start or stop > len(data):
            return at
        body = data[start:stop]
        match self.state, data[at], length:
            case State.CONNECTING, packet.CONNACK, 2:
                events.append(self._connack(body))
            case State.OPEN, packet.PUBACK, 2:
                token = self._outbox.acknowledge(int.from_bytes(body, "big"))
                if token is not None:
                    tokens.append(token)
            case State.OPEN, packet.SUBACK, _ if length > 2:
                events.append(self._suback(body))
            case State.OPEN, packet.UNSUBACK, 2:
                self._unanswered.pop(int.from_bytes(body, "big"), None)
            case State.OPEN, packet.PINGRESP, 0:
                pass  # it was heard, which is all it says (3.13)
            case _:
                raise RemoteProtocolError(
                    f"the broker sent packet type {data[at] >> 4} of {length} bytes while {self.state.value} (2.2.1)"
                )
        return stop

    def _connack(self, body: bytes) -> Event:
        if body[0] > 1 or (body[1] and body[0]):
            raise RemoteProtocolError(f"the broker sent CONNACK with flags 0x{body[0]:02x} (3.2.2)")
        if body[1] == 0:
            self.state = State.OPEN
            return Connected()
        return self._lose(refusal(body[1]))

    def _suback(self, body: bytes) -> Event:
        filters = self._unanswered.pop(int.from_bytes(body[:2], "big"), ())
        if len(filters) != len(body) - 2:
            raise RemoteProtocolError(
                f"the broker sent SUBACK with {len(body) - 2} codes to {len(filters)} filters (3.9.3)"
            )
        granted: dict[str, int | None] = {}
        for (filter, asked), code in zip(filters, body[2:], strict=True):
            if code != 0x80 and code > asked:
                raise RemoteProtocolError(
                    f"the broker granted {filter!r} with code 0x{code:02x} to QoS {asked} (3.9.3)"
                )
            granted[filter] = None if code == 0x80 else code
        return Subscribed(granted)

    def _lose(self, error: GanglionError) -> Lost:
        self.state = State.CLOSED
        return Lost(error)

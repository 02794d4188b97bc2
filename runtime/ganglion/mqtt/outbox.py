# SPDX-License-Identifier: GPL-3.0-or-later
"""What was published with QoS 1 and is not acknowledged yet (4.3.2). It outlives connections, where it shall."""

from collections import deque
from typing import Any, NamedTuple

from ganglion.mqtt import packet

#: Identifiers of PUBLISH are 1 to this; SUBSCRIBE and UNSUBSCRIBE have those above, so they never meet
#: (2.3.1).
LAST_IDENTIFIER = 0x7FFF


class _Entry(NamedTuple):
    name: bytes
    payload: bytes
    retain: bool
    lasting: bool
    token: Any

    @property
    def size(self) -> int:
        return len(self.name) + len(self.payload)


class Outbox:
    """A bounded queue in front of a bounded window, first in first out.

    Args:
        window: Messages on their way at once. More gain nothing on a local broker and are sent twice after a
            loss.
        max_messages: Messages held, those on their way included; more are refused and counted.
        max_bytes: Topics and payloads held, in bytes; likewise.
    """

    def __init__(self, *, window: int = 20, max_messages: int = 2000, max_bytes: int = 4 * 1024 * 1024) -> None:
        if not 1 <= window <= LAST_IDENTIFIER:
            raise ValueError(f"window {window} is not in 1..{LAST_IDENTIFIER}")
        self._window = window
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiting: deque[_Entry] = deque()
        self._in_flight: dict[int, _Entry] = {}
        self._bytes = 0
        self._identifier = 0
        self.overflowed = 0
        """Messages refused because the outbox was full."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    @property
    def size(self) -> int:
        """Bytes of topics and payloads held."""
        return self._bytes

    def put(self, name: bytes, payload: bytes, *, retain: bool, token: Any, lasting: bool = True) -> bool:
        """Keeps a message until it is acknowledged; False when there is no room, and it is counted.

        Args:
            name: Topic name behind its length, from `packet.topic_name`.
            token: Handed back by `acknowledge`.
            lasting: Whether it outlives the connection.
        """
        entry = _Entry(name, payload, retain, lasting, token)
        if len(self) >= self._max_messages or self._bytes + entry.size > self._max_bytes:
            self.overflowed += 1
            return False
        self._waiting.append(entry)
        self._bytes += entry.size
        return True

    def take(self) -> list[bytes]:
        """PUBLISH packets of the messages that the window has room for; they are on their way then."""
        packets = []
        while self._waiting and len(self._in_flight) < self._window:
            entry = self._waiting.popleft()
            identifier = self._free_identifier()
            self._in_flight[identifier] = entry
            packets.append(packet.publish(entry.name, entry.payload, retain=entry.retain, identifier=identifier))
        return packets

    def lost(self) -> None:
        """The connection is over: drops what does not outlive it."""
        self._waiting = deque(entry for entry in self._waiting if entry.lasting)
        self._in_flight = {identifier: entry for identifier, entry in self._in_flight.items() if entry.lasting}
        self._bytes = sum(entry.size for entry in (*self._waiting, *self._in_flight.values()))

    def again(self) -> list[bytes]:
        """PUBLISH packets with DUP set (3.3.1.1) of all that was on its way at a loss, in their order (4.6)."""
        return [
            packet.publish(entry.name, entry.payload, retain=entry.retain, identifier=identifier, again=True)
            for identifier, entry in self._in_flight.items()
        ]

    def acknowledge(self, identifier: int) -> Any:
        """Forgets the message that a PUBACK names and returns its token; None when there is no such message."""
        entry = self._in_flight.pop(identifier, None)
        if entry is None:
            return None  # the second PUBACK of a message that was sent twice
        self._bytes -= entry.size
        return entry.token

    def _free_identifier(self) -> int:
        while True:
            self._identifier = self._identifier % LAST_IDENTIFIER + 1
            if self._identifier not in self._in_flight:
                return self._identifier

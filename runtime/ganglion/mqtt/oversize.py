# SPDX-License-Identifier: GPL-3.0-or-later
"""A PUBLISH larger than the limit, passed over without being held: its topic is read, its bytes are counted down.

One that a broker retains would else end each connection as soon as it is subscribed, until somebody clears it. Section
numbers are those of MQTT Version 3.1.1 (OASIS, 2014).
"""

from dataclasses import dataclass

from ganglion.mqtt import packet


@dataclass(frozen=True, slots=True)
class Oversize:
    """A PUBLISH that is passed over.

    Attributes:
        topic: Topic name, without wildcards.
        size: Bytes of the whole packet.
        limit: Bytes of the largest that is taken.
    """

    topic: str
    size: int
    limit: int


class Skip:
    """Counts the bytes of one such packet down, from its first on.

    Attributes:
        what: Which message it is.
        left: Bytes that are still to come.
        ack: What the broker is told when all have come: a PUBACK (3.4), or nothing for QoS 0.
    """

    __slots__ = ("ack", "left", "what")

    def __init__(self, what: Oversize, ack: bytes) -> None:
        self.what = what
        self.left = what.size
        self.ack = ack

    def take(self, data: bytes, at: int) -> int:
        """Passes bytes over; returns the offset of the first that is not of this packet, or that of the end."""
        passed = min(self.left, len(data) - at)
        self.left -= passed
        return at + passed


def head(data: bytes, at: int, limit: int) -> int:
    """How many bytes of the packet at `at` say what it is; 0 where it is no PUBLISH over `limit`, or not yet known.

    They are the fixed header, the topic name and the packet identifier: less than 64 KiB and 10 bytes.

    Raises:
        RemoteProtocolError: its length runs over four bytes.
    """
    length, body = packet.remaining_length(data, at + 1)
    if not body or body - at + length <= limit or data[at] & 0xF0 != packet.PUBLISH:
        return 0
    if len(data) < body + 2:
        return body - at + 2
    name = data[body] << 8 | data[body + 1]
    return min(body - at + 2 + name + (2 if data[at] & 0x06 else 0), body - at + length)


def skip(data: bytes, at: int, limit: int) -> Skip | None:
    """The packet at `at` as one to pass over; None where it is none, or `head` is not there yet.

    Raises:
        RemoteProtocolError: it breaks section 3.3.
    """
    size = head(data, at, limit)
    if not size or len(data) - at < size:
        return None
    length, body = packet.remaining_length(data, at + 1)
    # The same head in front of no payload: what is wrong with it is told by who takes PUBLISH packets apart.
    first, name = data[at], data[body : at + size]
    messages: list[packet.Message] = []
    acks = bytearray()
    alone = packet.packet(first, name)
    packet.split_publishes(alone, 0, len(alone), messages, acks)
    return Skip(Oversize(messages[0].topic, body - at + length, limit), bytes(acks))

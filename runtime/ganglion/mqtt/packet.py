# SPDX-License-Identifier: GPL-3.0-or-later
"""MQTT 3.1.1 control packets as bytes. Nothing here has state; section numbers are those of the OASIS standard of 2014.

`split_publishes` is the hot path of a node; `split.py` has the same in C.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ganglion.errors import LocalProtocolError, RemoteProtocolError

#: Table 2.1, already shifted into the upper half of the first byte.
CONNECT, CONNACK, PUBLISH, PUBACK = 0x10, 0x20, 0x30, 0x40
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 0x82, 0x90, 0xA2, 0xB0  # the 2 is demanded by 3.8.1 and 3.10.1
PINGREQ, PINGRESP, DISCONNECT = 0xC0, 0xD0, 0xE0

PING = bytes((PINGREQ, 0))
GOODBYE = bytes((DISCONNECT, 0))

#: Four length bytes hold no more than this (2.2.3).
MAX_REMAINING = 268_435_455
#: What a peer may make us buffer for one packet. An envelope of the mesh has at most 64 KiB, a router has 64
#: MB. A larger PUBLISH is passed over (`oversize.py`).
MAX_PACKET = 256 * 1024
#: Two length bytes hold no more than this (1.5.3).
MAX_STRING = 65_535

#: Topic names kept ready in each direction, and the length of the longest: a quarter of a megabyte at worst.
CACHED_NAMES = 1024
MAX_CACHED_NAME = 128
_SHORT_LENGTHS = [bytes((n,)) for n in range(128)]


class Message(NamedTuple):
    """One PUBLISH (3.3). A tuple, because one is made for each message that arrives.

    Attributes:
        topic: Topic name, without wildcards.
        payload: Application message, as it came.
        qos: 0 or 1.
        retain: The broker had it before we subscribed (3.3.1.3).
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker publishes for us when we vanish without DISCONNECT (3.1.2.5)."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


def split_publishes(data: bytes, start: int, limit: int, messages: list[Message], acks: bytearray) -> int:
    """Takes the whole PUBLISH packets that begin at `start`, one after another.

    Args:
        data: What came off the wire.
        start: Offset of a packet's first byte.
        limit: Largest packet taken, in bytes; `oversize.py` passes over a larger one.
        messages: Each message is appended.
        acks: For each message with QoS 1 its PUBACK (3.4) is appended.

    Returns:
        The offset of the first byte that is not part of a whole PUBLISH: the end, another kind of packet, one over
        the limit, or a part.

    Raises:
        RemoteProtocolError: the packet after those appended breaks section 3.3.
    """
    end = len(data)
    append = messages.append
    new = tuple.__new__  # a NamedTuple's own constructor costs twice this
    while start + 1 < end:
        first = data[start]
        if first & 0xF0 != PUBLISH:
            break
        length = data[start + 1]
        at = start + 2
        if length > 127:
            length, at = remaining_length(data, start + 1)
            if not at:
                break
        stop = at + length
        if stop > end or stop - start > limit:
            break
        if length < 2:
            raise RemoteProtocolError("a PUBLISH has no topic name (3.3.2.1)")
        body = at + 2 + (data[at] << 8 | data[at + 1])
        raw = data[at + 2 : body]
        qos = first & 0x06
        if qos:
            if qos != 0x02:
                raise RemoteProtocolError(f"a PUBLISH has QoS {qos >> 1}, no more than 1 was asked for (3.8.4)")
            body += 2
            if body <= stop:
                if not (data[body - 2] or data[body - 1]):
                    raise RemoteProtocolError("a PUBLISH has packet identifier 0 (2.3.1)")
                acks += b"\x40\x02"
                acks += data[body - 2 : body]
            qos = 1
        if body > stop:
            raise RemoteProtocolError("a PUBLISH is shorter than its own lengths say (3.3.2)")
        topic = _known_name(raw) if len(raw) <= MAX_CACHED_NAME else _received_name(raw)
        append(new(Message, (topic, data[body:stop], qos, first & 1 == 1)))
        start = stop
    return start


def _received_name(raw: bytes) -> str:
    try:
        topic = raw.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("a topic name is not UTF-8 (1.5.3)") from None
    if not topic or "\0" in topic or "+" in topic or "#" in topic:
        raise RemoteProtocolError(f"the broker sent topic name {topic[:80]!r} (3.3.2.1, 4.7.3)")
    return topic


_known_name = lru_cache(maxsize=CACHED_NAMES)(_received_name)


def remaining_length(data: bytes, at: int) -> tuple[int, int]:
    """Remaining Length at `at` and the offset behind it (2.2.3); (0, 0) when its last byte is still to come.

    Raises:
        RemoteProtocolError: it runs over four bytes.
    """
    length = 0
    for i, byte in enumerate(data[at : at + 4]):
        length |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return length, at + i + 1
    if len(data) - at >= 4:
        raise RemoteProtocolError("a Remaining Length runs over four bytes (2.2.3)")
    return 0, 0


def packet(first: int, body: bytes) -> bytes:
    """A control packet from its first byte and everything behind its length.

    Raises:
        LocalProtocolError: more than four length bytes can say.
    """
    return bytes((first,)) + encoded_length(len(body)) + body


def encoded_length(length: int) -> bytes:
    """Remaining Length as one to four bytes (2.2.3)."""
    if length < 128:
        return _SHORT_LENGTHS[length]
    if length > MAX_REMAINING:
        raise LocalProtocolError(f"a packet of {length} bytes is more than MQTT can carry (2.2.3)")
    out = bytearray()
    while True:
        length, byte = divmod(length, 128)
        out.append(byte | 0x80 if length else byte)
        if not length:
            return bytes(out)


def string(text: str, what: str) -> bytes:
    """UTF-8 behind its length (1.5.3).

    Raises:
        LocalProtocolError: too long, a lone surrogate, or U+0000 in it; `what` names it.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{what} {text[:80]!r} holds half of a surrogate pair (1.5.3)") from None
    if b"\0" in raw:
        raise LocalProtocolError(f"{what} {text[:80]!r} holds U+0000 (1.5.3)")
    return binary(raw, what)


def binary(raw: bytes, what: str) -> bytes:
    """Bytes behind their length, as will message and password are written (3.1.3)."""
    if len(raw) > MAX_STRING:
        raise LocalProtocolError(f"{what} has {len(raw)} bytes, MQTT carries {MAX_STRING} (1.5.3)")
    return len(raw).to_bytes(2, "big") + raw


def topic_name(topic: str) -> bytes:
    """A topic name to publish to (4.7.3), behind its length.

    Raises:
        LocalProtocolError: empty, too long, or with a wildcard (3.3.2.1).
    """
    return _ready_name(topic) if len(topic) <= MAX_CACHED_NAME else _name(topic)


def _name(topic: str) -> bytes:
    if not topic or "+" in topic or "#" in topic:
        raise LocalProtocolError(f"{topic[:80]!r} is no topic to publish to: empty, or with a wildcard (3.3.2.1)")
    return string(topic, "topic")


_ready_name = lru_cache(maxsize=CACHED_NAMES)(_name)


def topic_filter(filter: str) -> bytes:
    """A topic filter to subscribe to (4.7.1), behind its length.

    Raises:
        LocalProtocolError: empty, too long, or a wildcard that is not a level of its own.
    """
    levels = filter.split("/")
    misplaced = any("#" in level for level in levels[:-1])
    if not filter or misplaced or any(len(level) > 1 and ("+" in level or "#" in level) for level in levels):
        raise LocalProtocolError(
            f"{filter[:80]!r} is no topic filter: + and # stand for whole levels, # for the last alone (4.7.1)"
        )
    return string(filter, "topic filter")


def connect(client_id: str, *, keep_alive: int, will: Will | None, username: str | None, password: str | None) -> bytes:
    """CONNECT with a clean session (3.1).

    Raises:
        LocalProtocolError: a part that MQTT cannot carry, or a password without a user name (3.1.2.9).
    """
    flags = 0x02  # clean session (3.1.2.4)
    parts = [string(client_id, "client identifier")]
    if will is not None:
        flags |= 0x04 | level(will.qos) << 3 | will.retain << 5
        parts += [topic_name(will.topic), binary(will.payload, "will message")]
    if username is not None:
        flags |= 0x80
        parts.append(string(username, "user name"))
    if password is not None:
        if username is None:
            raise LocalProtocolError("a password needs a user name (3.1.2.9)")
        flags |= 0x40
        parts.append(binary(password.encode(), "password"))
    head = b"\x00\x04MQTT\x04" + bytes((flags,)) + keep_alive.to_bytes(2, "big")
    return packet(CONNECT, head + b"".join(parts))


def publish(name: bytes, payload: bytes, *, retain: bool, identifier: int = 0, again: bool = False) -> bytes:
    """PUBLISH (3.3): QoS 1 with an identifier, QoS 0 with none. `name` comes from `topic_name`."""
    if not identifier:
        return packet(PUBLISH | retain, name + payload)
    first = PUBLISH | 0x02 | again << 3 | retain
    return packet(first, name + identifier.to_bytes(2, "big") + payload)


def subscribe(identifier: int, filters: Sequence[tuple[str, int]]) -> bytes:
    """SUBSCRIBE to filters, each with the QoS that is asked for (3.8)."""
    body = b"".join(topic_filter(filter) + bytes((level(qos),)) for filter, qos in filters)
    return packet(SUBSCRIBE, identifier.to_bytes(2, "big") + body)


def unsubscribe(identifier: int, filters: Sequence[str]) -> bytes:
    """UNSUBSCRIBE from filters (3.10)."""
    return packet(UNSUBSCRIBE, identifier.to_bytes(2, "big") + b"".join(map(topic_filter, filters)))


def level(qos: int) -> int:
    """`qos` when it is one that is spoken here.

    Raises:
        LocalProtocolError: it is not 0 or 1.
    """
    if qos not in (0, 1):
        raise LocalProtocolError(f"QoS {qos!r} is not spoken here: use 0 or 1")
    return qos

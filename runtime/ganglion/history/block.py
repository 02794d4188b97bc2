# SPDX-License-Identifier: GPL-3.0-or-later
"""A block of readings as bytes: a head that says what is in it, and compact CBOR. Bytes in, readings out; no I/O.

The head is 40 bytes, little-endian: CRC-32 of all that follows it, length of the payload, number of the first reading,
earliest and latest time, how many readings there are, and how long the node had run. The payload is one array: the
topics, and for each reading the place of its topic, its nanoseconds after the reading before (the first: after the
earliest), and its value. A block knows nothing of other blocks, so the loss of one loses no other.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, NamedTuple
from zlib import crc32

from ganglion.mesh import codec
from ganglion_micro import cbor

_HEAD = Struct("<IIQqqII")
SIZE = _HEAD.size
#: Readings of a block, and bytes of them before they are packed; the codec takes 64 KiB.
MOST_READINGS = 1024
MOST_BYTES = 48 * 1024
#: Bytes of a value and of a topic at most, so that a block has room for any.
MOST_VALUE = 1024
MOST_TOPIC = 256
#: Bytes of a reading beside its topic and value: array items, and a time of 8 bytes.
_AROUND = 12


class Reading(NamedTuple):
    """One reading.

    Attributes:
        time: Nanoseconds since the Unix epoch.
        topic: Of the bus.
        value: Any value of CBOR.
    """

    time: int
    topic: str
    value: Any


class Numbered(NamedTuple):
    """Readings that came one after the other.

    Attributes:
        first: Number of the first; they are counted as they come.
        readings: They.
    """

    first: int
    readings: Sequence[Reading]


class Head(NamedTuple):
    """What is known of a block without reading it.

    Attributes:
        crc: Of the rest of the head and the payload.
        length: Bytes of the payload.
        first: Number of the first reading; readings are counted from the first that was ever kept.
        earliest, latest: Times of readings, in nanoseconds since the Unix epoch.
        readings: How many.
        ran: Seconds that the node had run with this history.
    """

    crc: int
    length: int
    first: int
    earliest: int
    latest: int
    readings: int
    ran: int

    @property
    def is_possible(self) -> bool:
        """Whether a block can have this head; whether one has it, the CRC knows."""
        return 0 < self.length <= cbor.MAX_SIZE and 0 < self.readings <= MOST_READINGS


def head(data: bytes) -> Head | None:
    """The head that these bytes begin with; None where they are none."""
    if len(data) < SIZE:
        return None
    found = Head._make(_HEAD.unpack_from(data))
    return found if found.is_possible else None


def pack(readings: Sequence[Reading], *, first: int, ran: int) -> bytes:
    """A block of these readings, of which `chunks` makes no more than fit."""
    topics: dict[str, int] = {}
    earliest = min(each.time for each in readings)
    items: list[Any] = []
    last = earliest
    for time, topic, value in readings:
        items += (topics.setdefault(topic, len(topics)), time - last, value)
        last = time
    payload = codec.encode([list(topics), items])
    latest = max(each.time for each in readings)
    rest = _HEAD.pack(0, len(payload), first, earliest, latest, len(readings), ran)[4:]
    return crc32(rest + payload).to_bytes(4, "little") + rest + payload


def unpack(data: bytes) -> list[Reading] | None:
    """The readings of a block; None where it is not whole."""
    found = head(data)
    if found is None or len(data) != SIZE + found.length or crc32(data[4:]) != found.crc:
        return None
    topics, items = codec.decode(data[SIZE:])
    readings, time = [], found.earliest
    for i in range(0, len(items), 3):
        time += items[i + 1]
        readings.append(Reading(time, topics[items[i]], items[i + 2]))
    return readings


def weight(value: Any) -> int:
    """Bytes of a value, at most.

    Raises:
        ValueError: it has no place in CBOR.
    """
    return 9 if type(value) in (int, float, bool) and -(2**64) <= value < 2**64 else len(codec.encode(value))


def chunks(readings: Sequence[Reading]) -> Iterator[Sequence[Reading]]:
    """The same readings, as many at a time as fit a block."""
    begin, size = 0, 0
    topics: set[str] = set()
    for i, (_, topic, value) in enumerate(readings):
        more = _AROUND + weight(value) + (0 if topic in topics else len(topic.encode()) + 3)
        if i - begin == MOST_READINGS or (size + more > MOST_BYTES and i > begin):
            yield readings[begin:i]
            begin, size = i, 0
            topics.clear()
            more = _AROUND + weight(value) + len(topic.encode()) + 3
        topics.add(topic)
        size += more
    if begin < len(readings):
        yield readings[begin:]

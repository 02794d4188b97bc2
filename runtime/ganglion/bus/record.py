# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed part of an event as 64 bytes, little-endian: `gg_record` of native/include/ganglion.h."""

from collections.abc import Iterator
from struct import Struct
from typing import Any, NamedTuple

#: The fields of `Record`, in their order.
RECORD = Struct("<4iQ2qdfi2I")

#: The value is no number: it is in a slot of the inbox's owner.
IN_SLOT = 1


class Record(NamedTuple):
    """One record; the header says what the fields mean."""

    topic: int
    type: int
    source: int
    slot: int
    sequence: int
    wall: int
    monotonic: int
    value: float
    confidence: float
    priority: int
    flags: int
    reserved: int


def records(data: Any) -> Iterator[Record]:
    """The records in a buffer that has whole ones."""
    return map(Record._make, RECORD.iter_unpack(data))

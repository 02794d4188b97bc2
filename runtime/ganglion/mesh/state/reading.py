# SPDX-License-Identifier: GPL-3.0-or-later
"""What the entries in one place mean to a reader.

A register shows the value that was written last, by stamp and then by author (last writer wins), among those that no
removal has seen. An element is in its set while an addition is there that no removal has seen (observed remove). A
counter is the sum of its authors' parts, each of which counts up what it added and what it took away.

So in all three a removal takes away what its author had seen, and a write made at the same time elsewhere stays.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ganglion.mesh.state.entry import COUNTER, SET, Entry


class Reading(NamedTuple):
    """What is in a place.

    Attributes:
        value: Of a register; true for an element; the sum of a counter.
        kid: Who wrote it last.
        stamp: When, as `clock` has it.
    """

    value: Any
    kid: bytes
    stamp: int


def winner(entries: Iterable[Entry]) -> Entry | None:
    """The entry that was written last, of those with a value."""
    return max((entry for entry in entries if entry.present), key=_rank, default=None)


def read(entries: tuple[Entry, ...]) -> Reading | None:
    """What entries of one place mean together; None where there is nothing."""
    last = winner(entries)
    if last is None:
        return None
    if last.kind == SET:
        value: Any = True
    elif last.kind == COUNTER:
        parts = [entry.value for entry in entries if entry.present]
        value = sum(added - taken for added, taken in parts)
    else:
        value = last.value
    return Reading(value, last.kid, last.stamp)


def _rank(entry: Entry) -> tuple[int, bytes, bytes]:
    return entry.rank

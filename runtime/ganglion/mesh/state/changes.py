# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader sees differently after some entries came and went."""

from ganglion.mesh.state.effects import Change
from ganglion.mesh.state.entry import CHECKPOINT, REGISTER, SET, Entry
from ganglion.mesh.state.lattice import Lattice
from ganglion.mesh.state.reading import Reading, read
from ganglion_micro import cbor


class Changes:
    """Writes to a lattice, and remembers how each place read before the first of them.

    Args:
        own: This node's key id.
    """

    def __init__(self, lattice: Lattice, own: bytes) -> None:
        self._lattice = lattice
        self._own = own
        self._before: dict[bytes, Reading | None] = {}

    def put(self, entry: Entry, displaced: list[Entry]) -> None:
        """Takes an entry in."""
        for other in (entry, *displaced):
            self._look(other)
        self._lattice.put(entry, displaced)

    def drop(self, entry: Entry) -> None:
        """Forgets an entry."""
        self._look(entry)
        self._lattice.drop(entry)

    def _look(self, entry: Entry) -> None:
        if entry.kind != CHECKPOINT and entry.slot not in self._before:
            self._before[entry.slot] = read(self._lattice.at(entry.slot))

    def all(self) -> list[Change]:
        """The places that read differently now, in the order in which they were written to."""
        return [change for slot, before in self._before.items() if (change := self._change(slot, before)) is not None]

    def _change(self, slot: bytes, before: Reading | None) -> Change | None:
        entries = self._lattice.at(slot)
        after = read(entries)
        if after is None and before is None:
            return None
        what = cbor.decode(slot)
        kind, key = what[0], what[1]
        element = what[2] if kind == SET else None
        if after is None:
            return Change(kind, key, element, False, None, b"")
        lost = (
            kind == REGISTER
            and before is not None
            and before.kid == self._own != after.kid
            and any(entry.kid == self._own and entry.present for entry in entries)
        )
        # Compared as bytes: 1, 1.0 and true are equal in Python, and NaN is not equal to itself
        if not lost and before is not None and cbor.encode(before.value) == cbor.encode(after.value):
            return None
        return Change(kind, key, element, True, after.value, after.kid, lost)

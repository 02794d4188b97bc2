# SPDX-License-Identifier: GPL-3.0-or-later
"""What this node itself says: numbers and signs its entries, and puts right what it stamped by a wrong clock."""

from collections.abc import Callable
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.identity import Identity
from ganglion.mesh.state import checkpoint, clock, entry
from ganglion.mesh.state.admission import room_for_own
from ganglion.mesh.state.changes import Changes
from ganglion.mesh.state.entry import CHECKPOINT, COUNTER, Entry
from ganglion.mesh.state.lattice import Lattice
from ganglion.mesh.state.view import slot
from ganglion.mesh.state.wire import Chunk
from ganglion_micro import cbor


class Writer:
    """The author of one replica.

    Args:
        epoch: Count of this boot, uint32, on the disk already: dots begin with it, so that one that was told before a
            crash and not saved is never given again.
    """

    def __init__(self, lattice: Lattice, identity: Identity, aad: bytes, epoch: int) -> None:
        self._lattice = lattice
        self._identity = identity
        self._aad = aad
        self._first = epoch << 32 | 1

    def write(self, changes: Changes, what: list[Any], *value: Any, now: int) -> Chunk:
        """Replaces what is in a place, or removes it.

        Raises:
            InvalidError: the key, the element or the value is over a limit, or has no place in CBOR.
            RefusedError: this node has no room left.
        """
        replaced = self._lattice.at(slot(what))
        named = replaced
        if what[0] == COUNTER and value:  # beside the parts of others, not instead of them
            named = tuple(old for old in replaced if old.kid == self._identity.kid)
        over = checkpoint.inherited(self._lattice, self._identity.kid, named)
        try:
            return self._put(changes, what, [old.stamp for old in replaced], over, value, now)
        except cbor.CBORError as error:
            raise InvalidError(str(error), where=str(what[1])) from error

    def checkpoint(self, changes: Changes, member: Callable[[bytes], bool], *, now: int) -> Chunk:
        """Lists what still counts."""
        dots = checkpoint.listed(self._lattice, self._identity.kid, member)
        return self._put(changes, [CHECKPOINT], [], {}, (dots,), now)

    def restamp(self, changes: Changes, old: Entry, *, now: int) -> Chunk:
        """Writes an entry again that was stamped by a clock that was ahead.

        Others may have refused it, and would for as long as that clock was ahead.
        """
        value = (old.value,) if old.present else ()
        over = dict(old.over)
        changes.drop(old)
        beside = [other.stamp for other in self._lattice.at(old.slot) if not clock.ahead(other.stamp, now)]
        return self._put(changes, old.what, beside, over, value, now)

    def _put(
        self,
        changes: Changes,
        what: list[Any],
        replaced: list[int],
        over: dict[bytes, int],
        value: tuple[Any, ...],
        now: int,
    ) -> Chunk:
        own = self._identity.kid
        author = self._lattice.authors.get(own)
        after = 0 if author is None else author.seen
        dot = max(self._first, 0 if author is None else author.top + 1)
        new = entry.sign(self._identity, self._aad, what, dot, clock.stamp(now, replaced), over, *value)
        displaced = self._lattice.displaced(new)
        assert displaced is not None, "an entry above everything in its place is not displaced"
        if new.kind != CHECKPOINT:
            room_for_own(self._lattice, own, new, displaced)
        changes.put(new, displaced)
        self._lattice.authors[own].seen = dot
        return Chunk(own, after, dot, [new])

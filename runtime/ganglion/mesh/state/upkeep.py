# SPDX-License-Identifier: GPL-3.0-or-later
"""What a replica does unasked: it puts right what a wrong clock did, and makes checkpoints."""

from collections.abc import Callable

from ganglion.mesh.state import checkpoint, clock
from ganglion.mesh.state.admission import Admission, Refusal
from ganglion.mesh.state.changes import Changes
from ganglion.mesh.state.entry import CHECKPOINT
from ganglion.mesh.state.lattice import Lattice
from ganglion.mesh.state.wire import Chunk
from ganglion.mesh.state.writer import Writer
from ganglion.units import SECOND

#: Between two looks at whether a checkpoint is due, in nanoseconds; and between two where removals gather.
_INTERVAL = 3600 * SECOND
_CROWDED = 60 * SECOND


class Upkeep:
    """Of one replica.

    Args:
        own: Its key id.

    Attributes:
        complete: Whether this replica is known to hold all its own entries: it was restored with some, or has held the
            same as a neighbour. Before that it makes no checkpoint, which would remove those it does not know of.
    """

    def __init__(self, lattice: Lattice, own: bytes, writer: Writer, admission: Admission) -> None:
        self._lattice = lattice
        self._own = own
        self._writer = writer
        self._admission = admission
        self._now = 0
        self._looked = -_INTERVAL
        self.complete = False

    def run(self, changes: Changes, *, confirmed: bool, now: int) -> list[Chunk]:
        """Once in a while; what was written.

        Args:
            confirmed: Whether neighbours' clocks say that this one is right.
        """
        if now < self._now:
            self._admission.postpone_none()
            self._looked = min(self._looked, now - _CROWDED)
        self._now = now
        written = self._mend(changes, now) if confirmed else []
        since = now - self._looked
        if not self.complete or not (written or since >= _INTERVAL or (since >= _CROWDED and self._crowded)):
            return written
        self._looked = now
        if written or checkpoint.due(self._lattice, self._own, self._member):
            written.append(self._writer.checkpoint(changes, self._member, now=now))
        return written

    @property
    def _crowded(self) -> bool:
        return checkpoint.crowded(self._lattice, self._own)

    @property
    def _member(self) -> Callable[[bytes], bool]:
        return lambda kid: self._admission.key_of(kid) is not None

    def _mend(self, changes: Changes, now: int) -> list[Chunk]:
        """Takes back what is stamped ahead of time: it was written, or came, while the clock was wrong or not set."""
        lattice = self._lattice
        if not clock.ahead(lattice.newest, now):
            return []
        ahead = [old for old in lattice.buckets if clock.ahead(old.stamp, now)]
        for old in ahead:
            if old.kid != self._own:
                changes.drop(old)
                self._admission.reject(Refusal.AHEAD)
                self._admission.postpone(old.id, now + clock.ahead(old.stamp, now))
        mine = [old for old in ahead if old.kid == self._own and old.kind != CHECKPOINT]
        written = [self._writer.restamp(changes, old, now=now) for old in sorted(mine, key=lambda old: old.dot)]
        lattice.newest = max((one.stamp for one in lattice.buckets), default=0)
        return written

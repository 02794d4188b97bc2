# SPDX-License-Identifier: GPL-3.0-or-later
"""When an author says which of its writes still count, so that nobody has to remember the others, nor their removal.

A removal is held for as long as what it removed may come back from a replica that was away. It may not any more once
the author of what was removed has made a checkpoint that leaves it out: then everyone refuses it by that author's own
word, however long the other was away. So each author clears up two things: it leaves out what others have removed of
its writes, which lets them forget the removals, and it leaves out its own removals when nothing they removed can
return. What is held is then what counts, one checkpoint an author, and some removals that are waiting for both.
"""

from collections.abc import Callable

from ganglion.mesh.state.entry import CHECKPOINT, Entry, runs
from ganglion.mesh.state.lattice import Author, Lattice

#: Removals by an author or of its writes, beside half as many as it has entries, that it lets gather until it makes a
#: checkpoint out of turn.
SLACK = 16


def crowded(lattice: Lattice, own: bytes) -> bool:
    """Whether so many removals hang on an author that it should not wait."""
    author = lattice.authors.get(own)
    if author is None:
        return False
    mine = sum(not entry.present for entry in author.entries.values())
    others = sum(
        own in entry.over and _awaited(author, entry.over[own]) for entry in lattice.buckets if not entry.present
    )
    return mine + others > SLACK + (len(author.entries) - mine) // 2


def due(lattice: Lattice, own: bytes, member: Callable[[bytes], bool]) -> bool:
    """Whether a checkpoint of an author would let anybody forget anything.

    Args:
        member: Whether a key id is a member's.
    """
    author = lattice.authors.get(own)
    if author is None:
        return False
    if any(_spent(lattice, entry, member) for entry in author.entries.values()):
        return True
    return any(_awaited(author, entry.over[own]) for entry in lattice.buckets if own in entry.over)


def listed(lattice: Lattice, own: bytes, member: Callable[[bytes], bool]) -> list[int]:
    """The value of the checkpoint that an author would make now."""
    return runs(
        sorted(
            dot
            for dot, entry in lattice.authors[own].entries.items()
            if entry.kind != CHECKPOINT and not _spent(lattice, entry, member)
        )
    )


def inherited(lattice: Lattice, own: bytes, replaced: tuple[Entry, ...]) -> dict[bytes, int]:
    """What a new write of an author has to name as replaced: the entries in its place, and what these had replaced."""
    over: dict[bytes, int] = {}
    for entry in replaced:
        for kid, dot in ((entry.kid, entry.dot), *entry.over.items()):
            author = lattice.authors.get(kid)
            if kid != own and (author is None or not author.removed(dot)):
                over[kid] = max(dot, over.get(kid, 0))
    return over


def _spent(lattice: Lattice, entry: Entry, member: Callable[[bytes], bool]) -> bool:
    """Whether an entry removes something, and none of that can come back."""
    if entry.present:
        return False
    for kid, dot in entry.over.items():
        author = lattice.authors.get(kid)
        if not author.removed(dot) if author is not None else member(kid):
            return False
    return True


def _awaited(author: Author, dot: int) -> bool:
    """Whether somebody holds on to the removal of an author's write until that author leaves it out."""
    return dot <= author.top and dot not in author.entries and not author.removed(dot)

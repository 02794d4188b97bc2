# SPDX-License-Identifier: GPL-3.0-or-later
"""What a replica holds, and the rules by which entries displace one another; whom to believe is decided before.

A join-semilattice: merging is idempotent, commutative and associative, so order, repetition and detours make no
difference once everything has arrived. An entry displaces what it replaces in its place, and a checkpoint what its
author has done with. Nothing is displaced by being absent elsewhere: only signed words remove anything, so a neighbour
that withholds entries cannot make others forget them.

The proof that an entry is gone has to be held as long as the entry may come back. It may not once its author's
checkpoint leaves it out; see `checkpoint.py` for when one is made.
"""

from collections.abc import Iterable

from ganglion.mesh.state.digest import Buckets
from ganglion.mesh.state.entry import CHECKPOINT, Checkpoint, Entry


class Author:
    """What is held of one author.

    Attributes:
        kid: Its key id.
        entries: By dot.
        bytes: Of the entries.
        top: The highest dot of all that were ever taken.
        seen: Everything up to this dot was taken, or displaced before; what a version vector says of the author.
        checkpoint: The latest one.
    """

    __slots__ = ("bytes", "checkpoint", "entries", "kid", "seen", "top")

    def __init__(self, kid: bytes) -> None:
        self.kid = kid
        self.entries: dict[int, Entry] = {}
        self.bytes = 0
        self.top = 0
        self.seen = 0
        self.checkpoint: Checkpoint | None = None

    def removed(self, dot: int) -> bool:
        """Whether the author has said that a write of its counts no more."""
        return self.checkpoint is not None and self.checkpoint.removed(dot)


class Lattice:
    """The entries that count.

    Attributes:
        authors: By key id, the one that wrote last at the end.
        slots: Entries by place; more than one where authors wrote without knowing of one another.
        buckets: The same by id.
        count: How many.
        bytes: Their size.
        newest: A stamp that none is above.
        unsaved: What changed since the caller took this last: by id the entry, or None where it is gone.
    """

    def __init__(self) -> None:
        self.authors: dict[bytes, Author] = {}
        self.slots: dict[bytes, tuple[Entry, ...]] = {}
        self.buckets = Buckets()
        self.count = 0
        self.bytes = 0
        self.newest = 0
        self.unsaved: dict[bytes, Entry | None] = {}

    def at(self, slot: bytes) -> tuple[Entry, ...]:
        """The entries in a place."""
        return self.slots.get(slot, ())

    def displaced(self, entry: Entry) -> list[Entry] | None:
        """What an entry would displace; None where it is held, or displaced itself."""
        author = self.authors.get(entry.kid)
        found: dict[bytes, Entry] = {}
        if author is not None:
            same = author.entries.get(entry.dot)
            if same is not None:
                # Two entries under one dot: the author lies, or was restored from a copy. All have to choose alike.
                if same.rank >= entry.rank:
                    return None
                found[same.id] = same
            if author.removed(entry.dot):
                return None
        if entry.kind == CHECKPOINT:
            if author is not None:
                if author.checkpoint is not None and author.checkpoint.dot > entry.dot:
                    return None
                new = Checkpoint(entry)
                for old in author.entries.values():
                    if new.removed(old.dot) or old.kind == CHECKPOINT:
                        found[old.id] = old
            return list(found.values())
        for other in self.at(entry.slot):
            if other.replaces(entry):
                return None
            if entry.replaces(other):
                found[other.id] = other
        return list(found.values())

    def put(self, entry: Entry, displaced: Iterable[Entry]) -> None:
        """Takes an entry in, for what `displaced` said it would displace."""
        for other in displaced:
            self.drop(other)
        author = self.authors.pop(entry.kid) if entry.kid in self.authors else Author(entry.kid)
        self.authors[author.kid] = author
        entry.kid = author.kid
        author.entries[entry.dot] = entry
        author.bytes += len(entry.data)
        author.top = max(author.top, entry.dot)
        if entry.kind == CHECKPOINT:
            author.checkpoint = Checkpoint(entry)
        else:
            self.slots[entry.slot] = (*self.at(entry.slot), entry)
        self.buckets.add(entry)
        self.count += 1
        self.bytes += len(entry.data)
        self.newest = max(self.newest, entry.stamp)
        self.unsaved[entry.id] = entry

    def note(self, kid: bytes, dot: int) -> Author:
        """The record of an author who has signed a dot, whether or not the entry is held."""
        author = self.authors.setdefault(kid, Author(kid))
        author.top = max(author.top, dot)
        return author

    def drop(self, entry: Entry) -> None:
        """Forgets an entry."""
        author = self.authors[entry.kid]
        del author.entries[entry.dot]
        author.bytes -= len(entry.data)
        if entry.kind == CHECKPOINT:
            author.checkpoint = None
        else:
            rest = tuple(other for other in self.slots[entry.slot] if other is not entry)
            if rest:
                self.slots[entry.slot] = rest
            else:
                del self.slots[entry.slot]
        self.buckets.remove(entry)
        self.count -= 1
        self.bytes -= len(entry.data)
        self.unsaved[entry.id] = None

    def forget(self, kid: bytes) -> None:
        """Forgets an author, whose entries were dropped before."""
        del self.authors[kid]

    def seen(self, kid: bytes) -> int:
        """Up to which dot everything of an author was seen."""
        author = self.authors.get(kid)
        return 0 if author is None else author.seen

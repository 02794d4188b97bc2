# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries by their hash, in buckets whose digests say where two replicas differ.

An id begins with the hash of its place, so the versions of one key meet in one bucket. Digests that are sent are short
and salted anew each time: nobody can prepare two contents that look alike, and a chance likeness is gone the next time.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from ganglion.mesh.state.entry import Entry

#: Bits of an id that choose its bucket. Summaries use as many as they need, from `LEAST_BITS` on.
BITS = 10
LEAST_BITS = 4
#: Bytes of a salted digest of one bucket.
SHORT = 4
#: Bytes of the digest of everything: collisions have to be out of reach, since there is no salt in it.
ROOT = 16

_EMPTY = sha256().digest()[:ROOT]


def bucket(identity: bytes, bits: int = BITS) -> int:
    """The bucket of an id."""
    return int.from_bytes(identity[:2], "big") >> (16 - bits)


def bits_for(entries: int) -> int:
    """How many bits of buckets serve so many entries: about four a bucket."""
    return min(BITS, max(LEAST_BITS, (entries // 4).bit_length()))


class Buckets:
    """Entries by id, and what was hashed of them, kept until it changes."""

    __slots__ = ("_digests", "_entries", "_root")

    def __init__(self) -> None:
        self._entries: list[dict[bytes, Entry]] = [{} for _ in range(1 << BITS)]
        self._digests: list[bytes | None] = [_EMPTY] * (1 << BITS)
        self._root: bytes | None = None

    def add(self, entry: Entry) -> None:
        """One more."""
        at = bucket(entry.id)
        self._entries[at][entry.id] = entry
        self._digests[at] = self._root = None

    def remove(self, entry: Entry) -> None:
        """One less."""
        at = bucket(entry.id)
        del self._entries[at][entry.id]
        self._digests[at] = self._root = None

    def get(self, identity: bytes) -> Entry | None:
        """The entry of an id."""
        return self._entries[bucket(identity)].get(identity)

    def __iter__(self) -> Iterator[Entry]:
        for entries in self._entries:
            yield from entries.values()

    def within(self, after: bytes, last: bytes) -> list[Entry]:
        """Those whose ids lie in a range, in order."""
        found = [
            entry
            for entries in self._entries[bucket(after) : bucket(last) + 1]
            for entry in entries.values()
            if after < entry.id <= last
        ]
        return sorted(found, key=_id)

    @property
    def root(self) -> bytes:
        """The digest of everything: equal where two replicas hold the same."""
        if self._root is None:
            self._root = sha256(b"".join([self._digest(at) for at in range(1 << BITS)])).digest()[:ROOT]
        return self._root

    def short(self, salt: bytes, bits: int, at: int, without: Iterable[Entry] = ()) -> bytes:
        """The salted digest of a bucket out of 2^bits.

        Args:
            without: Entries of it that are left out.
        """
        width = 1 << (BITS - bits)
        less: dict[int, set[bytes]] = {}
        for entry in without:
            less.setdefault(bucket(entry.id), set()).add(entry.id)
        parts = [
            _hashed(self._entries[fine].keys() - less[fine]) if fine in less else self._digest(fine)
            for fine in range(at * width, (at + 1) * width)
        ]
        return sha256(salt + b"".join(parts)).digest()[:SHORT]

    def _digest(self, at: int) -> bytes:
        digest = self._digests[at]
        if digest is None:
            digest = self._digests[at] = _hashed(self._entries[at])
        return digest


def span(bits: int, at: int) -> tuple[bytes, bytes]:
    """The range of ids, for `Buckets.within`, of a bucket out of 2^bits."""
    step = 1 << (16 - bits)
    return (at * step).to_bytes(2, "big"), ((at + 1) * step - 1).to_bytes(2, "big") + b"\xff" * 10


def _hashed(ids: Iterable[bytes]) -> bytes:
    return sha256(b"".join(sorted(ids))).digest()[:ROOT]


def _id(entry: Entry) -> bytes:
    return entry.id

# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a replica believes: an entry from elsewhere passes here, or is counted by the cause of its refusal."""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from functools import lru_cache

from ganglion.errors import RefusedError
from ganglion.mesh.identity import Identity
from ganglion.mesh.state import clock, entry
from ganglion.mesh.state.entry import CHECKPOINT, Entry
from ganglion.mesh.state.lattice import Lattice
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1

#: Authors that a replica knows of.
AUTHORS = 2048
#: Entries of one author, and their bytes. An author keeps to them. Others allow twice as much, for what it has replaced
#: and they have not heard of yet.
AUTHOR_ENTRIES = 4096
AUTHOR_BYTES = 2 << 20
#: Entries in all, and their bytes.
ENTRIES = 65536
BYTES = 32 << 20
#: Refused entries that are not asked for again for a while.
_REMEMBERED = 4096
#: Nanoseconds after which one that was refused for another reason than its stamp is looked at again.
_AGAIN = 60 * SECOND


class Refusal(Enum):
    """Why an entry, or a message, changed nothing."""

    MALFORMED = "malformed"  # no deterministic CBOR, another shape, over a limit
    MISATTRIBUTED = "misattributed"  # told as another author's than the one it names
    UNENROLLED = "unenrolled"  # of a key that is no member's
    FORGED = "forged"  # the signature is not the author's over these bytes in this mesh
    AHEAD = "ahead"  # stamped more than `clock.DRIFT` after now
    UNAUTHORISED = "unauthorised"  # on a key that its author may not write
    FULL = "full"  # there is no room for it


#: Refusals after which the rest of a message is not looked at: an honest member has checked what it passes on.
DISHONEST = frozenset((Refusal.MALFORMED, Refusal.MISATTRIBUTED, Refusal.FORGED))


class Admission:
    """Checks entries against one lattice.

    Args:
        lookup: The public key of a member by key id; None for who is none.
        may_write: Whether a member, by node id, may write a key that is not under its own name.

    Attributes:
        refused: What was refused, by cause.
    """

    def __init__(
        self,
        lattice: Lattice,
        identity: Identity,
        aad: bytes,
        lookup: Callable[[bytes], bytes | None],
        may_write: Callable[[str, str], bool],
    ) -> None:
        self._lattice = lattice
        self._identity = identity
        self._aad = aad
        self._lookup = lookup
        self._may_write = may_write
        self._again: dict[bytes, int] = {}
        self.refused: Counter[Refusal] = Counter()

    def key_of(self, kid: bytes) -> bytes | None:
        """The public key of a member, this node among them."""
        if kid == self._identity.kid:
            return self._identity.public
        public = self._lookup(kid)
        return public if public is not None and cose.kid(public) == kid else None

    def may_write(self, public: bytes, key: str) -> bool:
        """Whether the owner of a key pair may write a key: under its own name always, else as the policy says.

        A node's own are `<node id>` and `peer/<node id>`, and what begins with either and a `/`.
        """
        node = _node_id(public)
        own = (key + "/").startswith((f"{node}/", f"peer/{node}/"))
        return own or self._may_write(node, key)

    def reject(self, cause: Refusal) -> None:
        """Counts a message or an entry as refused."""
        self.refused[cause] += 1

    def postpone(self, identity: bytes, until: int) -> None:
        """Does not ask for an entry before then."""
        if len(self._again) >= _REMEMBERED:
            del self._again[next(iter(self._again))]
        self._again[identity] = until

    def postpone_none(self) -> None:
        """The clock was set: what was postponed by the old one is not."""
        self._again.clear()

    def postponed(self, identity: bytes, now: int) -> bool:
        """Whether an entry was refused, and that would be no different now."""
        return self._again.get(identity, now) > now

    def check(self, data: object, kid: bytes, *, now: int) -> tuple[Entry, list[Entry]] | Refusal | None:
        """An entry that may be believed and what it displaces, or why it is refused; None where it is no news.

        Args:
            kid: Whose it is said to be.
        """
        try:
            found = entry.parse(data)
        except cbor.CBORError:
            return Refusal.MALFORMED
        if found.kid != kid:
            return Refusal.MISATTRIBUTED
        public = self.key_of(kid)
        if public is None:
            return self._later(found, Refusal.UNENROLLED, now + _AGAIN)
        if self._lattice.buckets.get(found.id) is not None:
            return None
        if not found.signed_by(public, self._aad):
            return Refusal.FORGED
        displaced = self._lattice.displaced(found)
        if displaced is None:
            return None
        if len(self._lattice.authors) >= AUTHORS and kid not in self._lattice.authors:
            return self._later(found, Refusal.FULL, now + _AGAIN)
        self._lattice.note(kid, found.dot)  # also where it is refused: it need not be sent again with all that is new
        if wait := clock.ahead(found.stamp, now):
            return self._later(found, Refusal.AHEAD, now + wait)
        if found.kind != CHECKPOINT and not self.may_write(public, found.key):
            return self._later(found, Refusal.UNAUTHORISED, now + _AGAIN)
        if self._full(found, displaced):
            return self._later(found, Refusal.FULL, now + _AGAIN)
        return found, displaced

    def _later(self, found: Entry, cause: Refusal, until: int) -> Refusal:
        self.postpone(found.id, until)
        return cause

    def _full(self, found: Entry, displaced: list[Entry]) -> bool:
        lattice = self._lattice
        author = lattice.authors[found.kid]
        own = [old for old in displaced if old.kid == found.kid]
        return (
            len(author.entries) - len(own) >= 2 * AUTHOR_ENTRIES
            or author.bytes - sum(len(old.data) for old in own) + len(found.data) > 2 * AUTHOR_BYTES
            or lattice.count - len(displaced) >= ENTRIES
            or lattice.bytes - sum(len(old.data) for old in displaced) + len(found.data) > BYTES
        )


@lru_cache(AUTHORS)
def _node_id(public: bytes) -> str:
    return gl1.node_id(cose.thumbprint(public))


def room_for_own(lattice: Lattice, own: bytes, new: Entry, displaced: list[Entry]) -> None:
    """Returns where this node may add an entry of its own. Removals may go to what others allow.

    Raises:
        RefusedError: it may not.
    """
    author = lattice.authors.get(own)
    if author is None:
        return
    factor = 1 if new.present else 2
    mine = [old for old in displaced if old.kid == own]
    entries = len(author.entries) - len(mine) + 1
    size = author.bytes - sum(len(old.data) for old in mine) + len(new.data)
    if entries > factor * AUTHOR_ENTRIES or size > factor * AUTHOR_BYTES:
        raise RefusedError(
            f"{new.key!r} has no room: a node keeps at most {AUTHOR_ENTRIES} entries and {AUTHOR_BYTES >> 20} MiB in"
            f" the mesh's state; delete some, and wait until other nodes have heard of it"
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""One node's copy of what the mesh knows: writes, reads, merges, and says what to send. It sends nothing itself.

Nothing here awaits, sleeps or reads a clock. A message that no honest member sends changes nothing and is counted.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ganglion.errors import RefusedError
from ganglion.mesh.identity import Identity
from ganglion.mesh.standing import clock_valid
from ganglion.mesh.state import clock, entry, sync, wire
from ganglion.mesh.state.admission import DISHONEST, Admission, Refusal
from ganglion.mesh.state.changes import Changes
from ganglion.mesh.state.effects import Outcome
from ganglion.mesh.state.entry import CHECKPOINT, COUNTER, REGISTER, SET, Entry
from ganglion.mesh.state.pace import Pace
from ganglion.mesh.state.upkeep import Upkeep
from ganglion.mesh.state.view import View, slot
from ganglion.mesh.state.wire import Chunk, Ids, Piece, Pieces, Summary, Want, WireError
from ganglion.mesh.state.writer import Writer
from ganglion_micro import cbor, gl1


class Unsaved(NamedTuple):
    """What a file has to be told.

    Attributes:
        entries: By id the bytes of an entry, or None where it is gone.
        seen: The version vector, where it changed; 0 where an author is forgotten.
    """

    entries: dict[bytes, bytes | None]
    seen: dict[bytes, int]


class Replica(View):
    """A copy, and this node as one of its authors.

    Args:
        identity: Whose key signs what is written here.
        mesh: Id of the mesh, 13 letters.
        epoch: Count of this boot, uint32; larger at each start.
        lookup: The public key of a member by key id, from its verified credential; None for who is none. A key never
            comes from a message.
        may_write: Whether a member, by node id, may write a key; asked for this node too, and for no key that is under
            the author's own name.
        random: So many bytes that nobody can foresee.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        mesh: str,
        epoch: int,
        lookup: Callable[[bytes], bytes | None],
        may_write: Callable[[str, str], bool] = lambda node, key: False,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        super().__init__()
        aad = entry.aad(gl1.from_base32(mesh))
        self.identity = identity
        self._random = random
        self._admission = Admission(self._lattice, identity, aad, lookup, may_write)
        self._writer = Writer(self._lattice, identity, aad, epoch)
        self._upkeep = Upkeep(self._lattice, identity.kid, self._writer, self._admission)
        self._pace = Pace(identity.kid)
        self._saved: dict[bytes, int] = {}

    @property
    def refused(self) -> Counter[Refusal]:
        """Entries and messages that were refused, by cause."""
        return self._admission.refused

    def set(self, key: str, value: Any, *, now: int) -> Outcome:
        """Gives a register a value.

        Args:
            now: Nanoseconds since the Unix epoch, here and below: the latest time there is proof of, if the clock shows
                less. A clock far behind refuses what others write, since that is stamped ahead of it.

        Raises:
            InvalidError: key or value is over a limit, or has no place in CBOR; here and in the five below.
            RefusedError: this node may not write the key, or has no room left; here and in the five below.
        """
        return self._write([REGISTER, key], value, now=now)

    def delete(self, key: str, *, now: int) -> Outcome:
        """Removes the value of a register, as far as this replica has seen it."""
        return self._remove([REGISTER, key], now=now)

    def add(self, key: str, element: Any, *, now: int) -> Outcome:
        """Puts an element into a set."""
        return self._write([SET, key, element], True, now=now)

    def discard(self, key: str, element: Any, *, now: int) -> Outcome:
        """Takes an element out of a set, as far as this replica has seen it put there."""
        return self._remove([SET, key, element], now=now)

    def increment(self, key: str, by: int, *, now: int) -> Outcome:
        """Adds to a counter, or takes away."""
        what = [COUNTER, key]
        mine = [old for old in self._lattice.at(slot(what)) if old.present and old.kid == self.identity.kid]
        added, taken = max(mine, key=lambda old: old.rank).value if mine else (0, 0)
        return self._write(what, [added + max(by, 0), taken + max(-by, 0)], now=now)

    def clear(self, key: str, *, now: int) -> Outcome:
        """Removes a counter, as far as this replica has seen it; the part of who counts on meanwhile stays whole."""
        return self._remove([COUNTER, key], now=now)

    def hello(self, kid: bytes, root: bytes, at: int, *, now: int) -> Outcome:
        """A neighbour says what it holds.

        Args:
            kid: Whose signed hello it was.
            root: Its `root`.
            at: The hello's timestamp.
        """
        outcome = Outcome()
        if kid == self.identity.kid:
            return outcome
        if clock_valid(at) and clock_valid(now):
            outcome.apart = at - now if abs(at - now) > clock.DRIFT else 0
            self._pace.clock(kid, not outcome.apart, now)
        same = root == self.root
        if same and self.count:
            self._upkeep.complete = True
        if self._pace.heard(kid, same, now):
            outcome.answers = [self._summary().body()]
        return outcome

    def receive(self, kid: bytes, body: Any, *, now: int) -> Outcome:
        """A CRDT message.

        Args:
            kid: The member that signed the message; its entries may be anyone's.
        """
        outcome = Outcome()
        if kid == self.identity.kid:
            return outcome
        try:
            match wire.parse(body):
                case Summary() as theirs:
                    if self._pace.may_ask(kid, theirs.answering, now):
                        outcome.answers = sync.answer_summary(
                            self._lattice, theirs, lambda: self._summary(answering=True)
                        )
                case Pieces() as page:
                    self._merge(kid, page, outcome, now)
                case Ids(spans):
                    postponed = self._admission.postponed
                    outcome.answers = sync.answer_ids(self._lattice, spans, lambda identity: postponed(identity, now))
                case Want(ids):
                    outcome.answers = sync.answer_want(self._lattice, ids)
        except WireError:
            self._admission.reject(Refusal.MALFORMED)
        return outcome

    def tick(self, *, now: int) -> Outcome:
        """A minute has passed, or the clock was set."""
        changes = self._changes()
        return self._told(changes, self._upkeep.run(changes, confirmed=self._pace.confirmed(now), now=now))

    def recheck(self) -> Outcome:
        """Membership or policy has changed: forgets who is no member, and what its author may not write any more."""
        changes = self._changes()
        own = self.identity.kid
        for author in [author for author in self._lattice.authors.values() if author.kid != own]:
            public = self._admission.key_of(author.kid)
            for old in list(author.entries.values()):
                if public is None or (old.kind != CHECKPOINT and not self._admission.may_write(public, old.key)):
                    changes.drop(old)
            if public is None:
                self._lattice.forget(author.kid)
        return self._told(changes, [])

    def acquainted(self) -> None:
        """More members are known: what was refused of who was none is asked for again."""
        self._admission.postpone_none()

    def restore(self, entries: Iterable[bytes], seen: Mapping[bytes, int]) -> None:
        """What a file kept, before anything else is called. Signatures were checked before it was written.

        Call `recheck` as soon as members and policy are known.
        """
        for data in entries:
            try:
                kept = entry.parse(data)
            except cbor.CBORError:
                self._admission.reject(Refusal.MALFORMED)
                continue
            displaced = self._lattice.displaced(kept)
            if displaced is not None:
                self._lattice.put(kept, displaced)
        for kid, dot in seen.items():
            self._lattice.note(kid, dot).seen = dot
        self._lattice.unsaved.clear()
        self._saved = self._seen()
        self._upkeep.complete = self.identity.kid in self._lattice.authors

    def kept(self) -> tuple[list[bytes], dict[bytes, int]]:
        """What `restore` takes: for the replica of this member under another key."""
        return [one.data for one in self._lattice.buckets], self._seen()

    @property
    def authors(self) -> Collection[bytes]:
        """Key ids of those who wrote anything."""
        return self._lattice.authors.keys()

    def take_unsaved(self) -> Unsaved:
        """What has changed since this was called last. To be on the disk before what caused it is sent."""
        seen = self._seen()
        changed = {kid: dot for kid, dot in seen.items() if self._saved.get(kid) != dot}
        gone = {kid: 0 for kid in self._saved if kid not in seen}
        self._saved = seen
        taken, self._lattice.unsaved = self._lattice.unsaved, {}
        entries = {identity: None if one is None else one.data for identity, one in taken.items()}
        return Unsaved(entries, changed | gone)

    def _changes(self) -> Changes:
        return Changes(self._lattice, self.identity.kid)

    def _seen(self) -> dict[bytes, int]:
        return {author.kid: author.seen for author in self._lattice.authors.values()}

    def _summary(self, answering: bool = False) -> Summary:
        return sync.summary(self._lattice, salt=self._random(wire.SALT), answering=answering)

    def _write(self, what: list[Any], *value: Any, now: int) -> Outcome:
        if not self._admission.may_write(self.identity.public, what[1]):
            raise RefusedError(f"this node may not write {what[1]!r}; give it the right in the policy")
        changes = self._changes()
        return self._told(changes, [self._writer.write(changes, what, *value, now=now)])

    def _remove(self, what: list[Any], *, now: int) -> Outcome:
        if not any(old.present for old in self._lattice.at(slot(what))):
            return Outcome()
        return self._write(what, now=now)

    def _told(self, changes: Changes, chunks: list[Chunk]) -> Outcome:
        return Outcome(tell=wire.entries(chunks, news=True)[0], changes=changes.all())

    def _merge(self, kid: bytes, page: Pieces, outcome: Outcome, now: int) -> None:
        changes = self._changes()
        news: list[Chunk] = []
        for piece in page.pieces:
            sound = self._take(piece, changes, news, now)
            if not sound:
                break
        outcome.changes = changes.all()
        if news and not page.news and self._pace.others_agreed(kid, now):
            outcome.tell = wire.entries(news, news=True)[0]

    def _take(self, piece: Piece, changes: Changes, news: list[Chunk], now: int) -> bool:
        """Takes the entries of a chunk; whether the rest of its message is worth a look."""
        lattice = self._lattice
        before = lattice.authors.get(piece.kid)
        known, holes = (0, False) if before is None else (before.seen, before.top > before.seen)
        taken: list[Entry] = []
        for data in piece.entries:
            match self._admission.check(data, piece.kid, now=now):
                case None:
                    pass
                case Refusal() as cause:
                    self._admission.reject(cause)
                    if cause in DISHONEST:
                        return False
                case new, displaced:
                    changes.put(new, displaced)
                    taken.append(new)
        author = lattice.authors.get(piece.kid)
        if author is not None and piece.after <= author.seen < piece.upto:
            # Never beyond what its author has signed, or a liar could have us miss what is yet to come.
            author.seen = max(author.seen, min(piece.upto, author.top))
        if taken and author is not None:
            after, upto = (0, 0) if holes else (known, author.seen)
            news.append(Chunk(piece.kid, after, upto, sorted(taken, key=lambda one: one.dot)))
        return True

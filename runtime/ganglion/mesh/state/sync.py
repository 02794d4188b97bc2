# SPDX-License-Identifier: GPL-3.0-or-later
"""How two replicas find what differs, and send no more than that. Stateless: each answer follows from one message.

    round 1   A: summary          B: the entries that A lacks by its version vector, then its own summary
    round 2   A: the same for B, and ids where that does not explain the difference
              B: the entries that A lacks of these, and which ones it wants; A sends those

The second round is left out where the first explains everything. Where A can have nothing for B by its vector, B sends
the ids at once. An entry is missed by a vector where a message was lost, refused at the time, or kept back.
A vector only says what to send. What is believed, and what is displaced, follows from signed entries alone.
"""

from collections.abc import Callable, Iterable

from ganglion.mesh.state import wire
from ganglion.mesh.state.digest import SHORT, bits_for, bucket, span
from ganglion.mesh.state.entry import Entry
from ganglion.mesh.state.lattice import Lattice
from ganglion.mesh.state.wire import Body, Chunk, Span, Summary, WireError


def summary(lattice: Lattice, *, salt: bytes, answering: bool = False) -> Summary:
    """What this replica holds.

    Args:
        salt: Random, 8 bytes.
    """
    bits = bits_for(lattice.count)
    digests = b"".join([lattice.buckets.short(salt, bits, at) for at in range(1 << bits)])
    known = [author for author in lattice.authors.values() if author.seen]
    told = known[-wire.room_for_authors(1 << bits) :]
    return Summary(
        salt,
        digests,
        {author.kid: author.seen for author in told},
        len(told) == len(known),
        answering,
    )


def answer_summary(lattice: Lattice, theirs: Summary, ours: Callable[[], Summary]) -> list[Body]:
    """Messages for a neighbour that holds so much.

    Args:
        ours: Makes the summary to answer with.
    """
    bits = theirs.bits
    told = [theirs.digests[at : at + SHORT] for at in range(0, len(theirs.digests), SHORT)]
    differing = {at for at, short in enumerate(told) if short != lattice.buckets.short(theirs.salt, bits, at)}
    if not differing:
        return []
    chunks = []
    for author in lattice.authors.values():
        if author.kid not in theirs.vector and not theirs.whole:
            continue
        after = theirs.vector.get(author.kid, 0)
        found = [entry for dot, entry in author.entries.items() if dot > after and bucket(entry.id, bits) in differing]
        if found or author.seen > after:
            chunks.append(Chunk(author.kid, after, max(after, author.seen), sorted(found, key=_dot)))
    bodies, sent = wire.entries(chunks)
    if len(sent) < sum(len(chunk.entries) for chunk in chunks):
        return bodies  # the answer is full: what else differs is for the next summary
    explained: dict[int, list[Entry]] = {at: [] for at in differing}
    for chunk in chunks:
        for entry in chunk.entries:
            explained[bucket(entry.id, bits)].append(entry)
    unexplained = [
        at
        for at, entries in sorted(explained.items())
        if told[at] != lattice.buckets.short(theirs.salt, bits, at, entries)
    ]
    if not unexplained:
        return bodies
    if not theirs.answering and any(dot > lattice.seen(kid) for kid, dot in theirs.vector.items()):
        return [*bodies, ours().body()]
    spans = [
        (after, last, lattice.buckets.within(after, last)) for after, last in (span(bits, at) for at in unexplained)
    ]
    return bodies + wire.ids((after, last, [entry.id for entry in entries]) for after, last, entries in spans)


def answer_ids(lattice: Lattice, spans: Iterable[Span], refused: Callable[[bytes], bool]) -> list[Body]:
    """What a neighbour lacks that holds only these ids in these ranges, and which of them this replica wants.

    Args:
        refused: Whether an entry of an id was refused lately.

    Raises:
        WireError: the ranges overlap.
    """
    lacking: list[Entry] = []
    wanted: list[bytes] = []
    at = b""
    for after, last, ids in spans:
        if not at <= after < last:
            raise WireError("ranges of ids that are not in order")
        at = last
        theirs = set(ids)
        lacking += [entry for entry in lattice.buckets.within(after, last) if entry.id not in theirs]
        wanted += [identity for identity in ids if lattice.buckets.get(identity) is None and not refused(identity)]
    return wire.entries(_by_author(lacking))[0] + wire.want(wanted)


def answer_want(lattice: Lattice, ids: Iterable[bytes]) -> list[Body]:
    """The entries of some ids, where they are still held."""
    found = (lattice.buckets.get(identity) for identity in dict.fromkeys(ids))
    return wire.entries(_by_author(entry for entry in found if entry is not None))[0]


def _by_author(entries: Iterable[Entry]) -> list[Chunk]:
    """Chunks that claim nothing."""
    chunks: dict[bytes, list[Entry]] = {}
    for entry in entries:
        chunks.setdefault(entry.kid, []).append(entry)
    return [Chunk(kid, 0, 0, sorted(found, key=_dot)) for kid, found in chunks.items()]


def _dot(entry: Entry) -> int:
    return entry.dot

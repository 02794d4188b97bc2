# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of GL1 kind 8, in pages that stay far below a message's limit; crdt.cddl beside this has them too.

    summary = [0, salt, digests, vector, whole, answering]
    entries = [1, [chunk, ...], remaining]
    news    = [2, [chunk, ...], remaining]               ; for everyone
    ids     = [3, [[after, last, ids], ...], remaining]
    want    = [4, ids, remaining]
    chunk   = [kid, after, upto, [entry, ...]]

A chunk says: of this author, these are all that I hold with a dot in (after, upto], and that you lack. Where the two
are equal it claims nothing. `remaining` counts the entries, or ids, that the sender knows to be missing at the receiver
and that are neither in this page nor in one before it.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ganglion.mesh.state.digest import BITS, LEAST_BITS, SHORT
from ganglion.mesh.state.entry import ID, Entry
from ganglion_micro import cbor, cose

SUMMARY = 0
ENTRIES = 1
NEWS = 2
IDS = 3
WANT = 4

#: Bytes after which a page is closed: with the envelope and a credential it is eight packets of the smallest MTU that a
#: link may have. An entry that is larger goes alone.
PAGE = 6500
#: Bytes of entries in one answer. The rest is left for the next summary, so that a question costs only so much.
ANSWER = 1 << 20
SALT = 8
#: Bytes around an entry, a chunk, a span, and of an author in a vector.
_ENTRY, _CHUNK, _SPAN, _AUTHOR = 3, 32, 24, 18
_IDS = PAGE // ID

Body = list[Any]


class WireError(cbor.CBORError):
    """A body that no honest member sends."""


class Chunk(NamedTuple):
    """Entries of one author, by dot, and the range in which there are no others."""

    kid: bytes
    after: int
    upto: int
    entries: list[Entry]


class Summary(NamedTuple):
    """What a replica says it holds.

    Attributes:
        salt: Of the digests.
        digests: 2^n short digests, one after another.
        vector: Up to which dot the sender has seen everything of an author.
        whole: Whether an author who is not in the vector is unknown to the sender; else there was no room.
        answering: Whether it answers a summary; such a one is not answered by another.
    """

    salt: bytes
    digests: bytes
    vector: dict[bytes, int]
    whole: bool
    answering: bool

    @property
    def bits(self) -> int:
        """How many bits of an id choose its digest."""
        return (len(self.digests) // SHORT).bit_length() - 1

    def body(self) -> Body:
        """The message."""
        return [SUMMARY, *self]


class Piece(NamedTuple):
    """A chunk as it came: its entries are whatever the sender put there."""

    kid: bytes
    after: int
    upto: int
    entries: list[Any]


class Pieces(NamedTuple):
    """A page of entries.

    Attributes:
        news: Whether everyone was told; else it answers this replica.
        pieces: The chunks.
    """

    news: bool
    pieces: list[Piece]


class Span(NamedTuple):
    """All ids that a replica holds in (after, last]."""

    after: bytes
    last: bytes
    ids: list[bytes]


class Ids(NamedTuple):
    """A page of ids."""

    spans: list[Span]


class Want(NamedTuple):
    """Ids of entries that the sender asks for."""

    ids: list[bytes]


def room_for_authors(digests: int) -> int:
    """How many authors a summary's vector may have beside so many digests."""
    return (PAGE - digests * SHORT - 64) // _AUTHOR


def entries(chunks: Iterable[Chunk], *, news: bool = False) -> tuple[list[Body], set[bytes]]:
    """Pages with the entries of chunks, and the ids of those that found room in one answer."""
    chunks = list(chunks)
    room, size = ANSWER, 0
    pages: list[list[list[Any]]] = []
    sent: set[bytes] = set()

    def open_chunk(kid: bytes, after: int, cost: int) -> list[Any]:
        nonlocal size
        if not pages or (size and size + _CHUNK + cost > PAGE):
            pages.append([])
            size = 0
        chunk = [kid, after, after, []]
        pages[-1].append(chunk)
        size += _CHUNK
        return chunk

    for kid, after, upto, found in chunks:
        chunk: list[Any] = []
        done = after
        for entry in found:
            cost = len(entry.data) + _ENTRY
            if cost > room:
                break
            if not chunk or size + cost > PAGE:
                chunk = open_chunk(kid, done, cost)
            chunk[3].append(entry.data)
            sent.add(entry.id)
            size += cost
            room -= cost
            done = chunk[2] = max(done, min(upto, entry.dot))
        else:
            if upto > done:
                if not chunk:
                    chunk = open_chunk(kid, done, 0)
                chunk[2] = upto
            continue
        break
    left = sum(len(chunk.entries) for chunk in chunks)
    bodies: list[Body] = []
    for page in pages:
        left -= sum(len(chunk[3]) for chunk in page)
        bodies.append([NEWS if news else ENTRIES, page, left])
    return bodies, sent


def ids(spans: Iterable[tuple[bytes, bytes, list[bytes]]]) -> list[Body]:
    """Pages with all ids in some ranges; a range that is too large for one is cut."""
    pages: list[list[list[bytes]]] = []
    size = PAGE
    for after, last, found in spans:
        for at in range(0, max(1, len(found)), _IDS // 2):
            some = found[at : at + _IDS // 2]
            end = last if at + _IDS // 2 >= len(found) else some[-1]
            if size + _SPAN + ID * len(some) > PAGE:
                pages.append([])
                size = 0
            pages[-1].append([after, end, b"".join(some)])
            size += _SPAN + ID * len(some)
            after = end
    left = sum(len(span[2]) for page in pages for span in page) // ID
    bodies: list[Body] = []
    for page in pages:
        left -= sum(len(span[2]) for span in page) // ID
        bodies.append([IDS, page, left])
    return bodies


def want(ids: list[bytes]) -> list[Body]:
    """Pages that ask for entries."""
    return [[WANT, b"".join(ids[at : at + _IDS]), max(0, len(ids) - at - _IDS)] for at in range(0, len(ids), _IDS)]


def parse(body: Any) -> Summary | Pieces | Ids | Want:
    """Takes a body apart; whatever is signed in it is still to be checked.

    Raises:
        WireError: it is none of the above.
    """
    if type(body) is not list or not body or type(body[0]) is not int:
        raise WireError("a CRDT message is an array that begins with what it is")
    kind, fields = body[0], body[1:]
    if kind == SUMMARY and len(fields) == 5:
        return _summary(Summary(*fields))
    if len(fields) != 2 or not _unsigned(fields[1]):
        raise WireError("a CRDT message is a summary, or a page that says how much remains")
    page = fields[0]
    if kind == WANT:
        return Want(_split(page))
    if type(page) is list:
        if kind in (ENTRIES, NEWS):
            return Pieces(kind == NEWS, [_piece(chunk) for chunk in page])
        if kind == IDS:
            return Ids([_span(span) for span in page])
    raise WireError("a CRDT message of a kind that is not known, or a page that is none")


def _unsigned(number: Any) -> bool:
    return type(number) is int and number >= 0


def _kid(data: Any) -> bool:
    return type(data) is bytes and len(data) == cose.KID_SIZE


def _summary(summary: Summary) -> Summary:
    salt, digests, vector = summary.salt, summary.digests, summary.vector
    if (
        type(salt) is not bytes
        or len(salt) != SALT
        or type(digests) is not bytes
        or len(digests) not in [SHORT << bits for bits in range(LEAST_BITS, BITS + 1)]
        or type(vector) is not dict
        or not all(_kid(kid) and _unsigned(dot) for kid, dot in vector.items())
        or type(summary.whole) is not bool
        or type(summary.answering) is not bool
    ):
        raise WireError("a summary with a field that is none")
    return summary


def _piece(chunk: Any) -> Piece:
    if type(chunk) is not list or len(chunk) != 4:
        raise WireError("a chunk is an array of 4")
    kid, after, upto, found = chunk
    if not _kid(kid) or not _unsigned(after) or not _unsigned(upto) or type(found) is not list:
        raise WireError("a chunk has a key id, two dots and entries")
    return Piece(kid, after, upto, found)


def _span(span: Any) -> Span:
    if type(span) is not list or len(span) != 3:
        raise WireError("a range of ids is an array of 3")
    after, last, found = span
    if type(after) is not bytes or type(last) is not bytes or not 2 <= len(after) <= ID or len(last) != ID:
        raise WireError("a range of ids begins and ends with an id")
    return Span(after, last, _split(found))


def _split(data: Any) -> list[bytes]:
    if type(data) is not bytes or len(data) % ID:
        raise WireError(f"ids are {ID} bytes each")
    return [data[at : at + ID] for at in range(0, len(data), ID)]

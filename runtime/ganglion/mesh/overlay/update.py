# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of the frames by which neighbours tell each other routes: binary, under the frame's MAC.

    UPDATE   entries 1 | entries x (destination 8 | router 8 | epoch 4 | seqno 4 | metric 2) | statements: length 2, GL1
    REQUEST  destination 8 | router 8 | epoch 4 | seqno 4 | hops 1
    ACK      counters: 4 each
    WANT     key ids: 8 each; those of `STATEMENTS` are nobody's, but what the authority states to everybody
    ALIVE    hello 2 | versions of the statements: 4 each | interval 2 | one rxcost 2 for each tag of the frame

A sequence number here is an origin's epoch and, within it, what it signed: one integer that only grows.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import NamedTuple

_ENTRY = Struct(">8s8sIIH")
_REQUEST = Struct(">8s8sIIB")
_COUNTER = Struct(">I")
_ALIVE = Struct(">HIIIIH")
_COST = Struct(">H")
_LENGTH = Struct(">H")

ENTRY_SIZE = _ENTRY.size
#: Before and after the entries of an update.
UPDATE_OVERHEAD = 1
STATEMENT_OVERHEAD = _LENGTH.size
#: Before the costs of a keep-alive.
ALIVE_OVERHEAD = _ALIVE.size
MAX_ENTRIES = 40

#: In place of a key id: the list of revoked members, the policy, the bundle of root and issuer, the fleet's limits.
STATEMENTS = REVOCATIONS, POLICY, BUNDLE, LIMITS = tuple(place.to_bytes(8, "big") for place in range(4))
_NEWEST = 0xFFFFFFFF


class BodyError(ValueError):
    """A body that is not what its frame's kind says."""


class Entry(NamedTuple):
    """One destination as a neighbour sees it.

    Attributes:
        destination: Key id, or the anycast `routes.GATEWAY`.
        router: Key id of the origin.
        seqno: Epoch in the upper half, the origin's sequence number in the lower 32 bits.
        metric: 65535 takes the route back.
    """

    destination: bytes
    router: bytes
    seqno: int
    metric: int


class Request(NamedTuple):
    """A wish for a newer sequence number (RFC 8966 section 3.8.1.2)."""

    destination: bytes
    router: bytes
    seqno: int
    hops: int


class Versions(NamedTuple):
    """Of the authority's statements, in the order of `STATEMENTS`; 0 where none was heard. A newer one has a higher."""

    revocations: int = 0
    policy: int = 0
    bundle: int = 0
    limits: int = 0


class Alive(NamedTuple):
    """A keep-alive."""

    seq: int
    versions: Versions
    interval: int
    costs: list[int]


def pack_update(entries: Sequence[Entry], statements: Iterable[bytes]) -> bytes:
    """The body of an UPDATE."""
    parts = [bytes((len(entries),))]
    for entry in entries:
        seqno = entry.seqno
        parts.append(_ENTRY.pack(entry.destination, entry.router, seqno >> 32, seqno & 0xFFFFFFFF, entry.metric))
    for statement in statements:
        parts += (_LENGTH.pack(len(statement)), statement)
    return b"".join(parts)


def parse_update(body: bytes) -> tuple[list[Entry], list[bytes]]:
    """Entries and statements of an UPDATE.

    Raises:
        BodyError: it is none.
    """
    at = 1 + body[0] * ENTRY_SIZE if body else 0
    if not body or len(body) < at:
        raise BodyError("an update that is cut short")
    entries = [
        Entry(destination, router, epoch << 32 | seqno, metric)
        for destination, router, epoch, seqno, metric in _ENTRY.iter_unpack(body[1:at])
    ]
    statements = []
    while at < len(body):
        if len(body) < at + 2:
            raise BodyError("a statement that is cut short")
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        if end > len(body):
            raise BodyError("a statement that is cut short")
        statements.append(body[at + 2 : end])
        at = end
    return entries, statements


def pack_request(request: Request) -> bytes:
    """The body of a REQUEST."""
    destination, router, seqno, hops = request
    return _REQUEST.pack(destination, router, seqno >> 32, seqno & 0xFFFFFFFF, hops)


def parse_request(body: bytes) -> Request:
    """A REQUEST.

    Raises:
        BodyError: it is none.
    """
    if len(body) != _REQUEST.size:
        raise BodyError("a request of another size")
    destination, router, epoch, seqno, hops = _REQUEST.unpack(body)
    return Request(destination, router, epoch << 32 | seqno, hops)


def pack_counters(counters: Iterable[int]) -> bytes:
    """The body of an ACK."""
    return b"".join(map(_COUNTER.pack, counters))


def parse_counters(body: bytes) -> list[int]:
    """The counters of an ACK.

    Raises:
        BodyError: it is none.
    """
    if len(body) % 4:
        raise BodyError("an acknowledgement that is cut short")
    return [counter for (counter,) in _COUNTER.iter_unpack(body)]


def parse_kids(body: bytes) -> list[bytes]:
    """The key ids of a WANT.

    Raises:
        BodyError: it is none.
    """
    if len(body) % 8:
        raise BodyError("key ids that are cut short")
    return [body[at : at + 8] for at in range(0, len(body), 8)]


def pack_alive(alive: Alive) -> bytes:
    """The body of an ALIVE."""
    versions = [min(version, _NEWEST) for version in alive.versions]
    return _ALIVE.pack(alive.seq, *versions, alive.interval) + b"".join(map(_COST.pack, alive.costs))


def parse_alive(body: bytes) -> Alive:
    """An ALIVE.

    Raises:
        BodyError: it is none.
    """
    if len(body) < _ALIVE.size or (len(body) - _ALIVE.size) % 2:
        raise BodyError("a keep-alive that is cut short")
    seq, *versions, interval = _ALIVE.unpack_from(body)
    return Alive(seq, Versions(*versions), interval, [cost for (cost,) in _COST.iter_unpack(body[_ALIVE.size :])])

# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame on one hop: what changes on the way, outside the end-to-end signature.

    version 1 | kind 1 | ttl 1 | flags 1 | tags 1 | previous hop 8 | counter 4 | tags x (hint 2 | MAC 8) | body

A tag is for one receiver: the first two bytes of its key id, and a MAC under the key that it shares with the previous
hop, over the 17 bytes before the tags and the body. So one transmission serves a whole LAN, and yet no neighbour can
speak for another. The counter never repeats under a key. A body larger than the link takes is cut into fragments
(flag 1), each a frame of its own: identity 2 | index 1 | count 1 | piece. There are as many as the largest message
needs on the smallest link, so what a broker carries every link carries.
"""

import hashlib
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from ganglion_micro import cbor

VERSION = 2

HELLO = 1  # a signed GL1 HELLO; the only kind without a tag
ALIVE = 2
UPDATE = 3
ACK = 4
REQUEST = 5
WANT = 6
RECORD = 7
UNICAST = 8
FLOOD = 9
SCOUT = 10
SUMMARY = 11
PULL = 12

FRAGMENT = 1
MAX_FRAGMENTS = 68
#: Bytes of the largest message, and what a unicast has before it.
MAX_BODY = cbor.MAX_SIZE + 10

_HEAD = Struct(">BBBBB8sI")
_TAG = Struct(">2s8s")
_PIECE = Struct(">2sBB")
HEAD_SIZE = _HEAD.size
TAG_SIZE = _TAG.size
HINT_SIZE = 2


class FrameError(ValueError):
    """The bytes are no frame of this version."""


class Frame(NamedTuple):
    """A frame taken apart; whether a tag holds is the next question.

    Attributes:
        head: The 17 bytes that tags cover besides the body.
        tags: Hint and MAC.
    """

    kind: int
    ttl: int
    flags: int
    sender: bytes
    counter: int
    tags: list[tuple[bytes, bytes]]
    head: bytes
    body: bytes


def head(kind: int, ttl: int, flags: int, tags: int, sender: bytes, counter: int) -> bytes:
    """What is before the tags."""
    return _HEAD.pack(VERSION, kind, ttl, flags, tags, sender, counter)


def pack(head: bytes, tags: Sequence[tuple[bytes, bytes]], body: bytes) -> bytes:
    """The frame. There must be as many tags as the head says."""
    return b"".join((head, *[hint + mac for hint, mac in tags], body))


def parse(data: bytes) -> Frame:
    """Takes a frame apart.

    Raises:
        FrameError: cut short, or of another version.
    """
    if len(data) < HEAD_SIZE:
        raise FrameError("cut short")
    version, kind, ttl, flags, count, sender, counter = _HEAD.unpack_from(data)
    if version != VERSION:
        raise FrameError(f"version {version} of the frame, and only {VERSION} is known")
    start = HEAD_SIZE + count * TAG_SIZE
    if len(data) < start or flags & ~FRAGMENT:
        raise FrameError("cut short, or with flags that are not known")
    tags = list(_TAG.iter_unpack(data[HEAD_SIZE:start]))
    return Frame(kind, ttl, flags, sender, counter, tags, data[:HEAD_SIZE], data[start:])


def fits(body: bytes, room: int) -> bool:
    """Whether a body can be cut into fragments for this room. To one neighbour every body fits, whatever the link."""
    return len(body) <= MAX_FRAGMENTS * (room - _PIECE.size)


def split(body: bytes, room: int) -> list[bytes]:
    """Bodies of fragments. The identity is the body's hash, so what is sent again completes what came before.

    Args:
        room: Bytes that a body may have on this link.

    Raises:
        FrameError: more than `MAX_FRAGMENTS` would be needed.
    """
    size = room - _PIECE.size
    if not fits(body, room):
        raise FrameError(f"{len(body)} bytes, and {MAX_FRAGMENTS} fragments of {size} are the limit on this link")
    count = -(-len(body) // size)
    identity = hashlib.blake2b(body, digest_size=2).digest()
    return [_PIECE.pack(identity, i, count) + body[i * size : (i + 1) * size] for i in range(count)]


class Piece(NamedTuple):
    """One fragment's body taken apart."""

    identity: bytes
    place: int
    total: int
    data: bytes


def piece(body: bytes) -> Piece:
    """Takes a fragment's body apart.

    Raises:
        FrameError: a count or an index that cannot be.
    """
    if len(body) <= _PIECE.size:
        raise FrameError("an empty fragment")
    identity, index, count = _PIECE.unpack_from(body)
    if not 2 <= count <= MAX_FRAGMENTS or index >= count:
        raise FrameError(f"fragment {index} of {count}")
    return Piece(identity, index, count, body[_PIECE.size :])

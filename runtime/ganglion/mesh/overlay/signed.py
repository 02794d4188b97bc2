# SPDX-License-Identifier: GPL-3.0-or-later
"""The bodies of kind 0 (HELLO), which neighbours and origins sign: hello, statement, beacon.

    hello      [0, ephemeral X25519 key of the link, credential or null]
    statement  [1, sequence number, whether it is a way to the gateway]
    beacon     [2]

A hello begins a session. A statement is what an origin says of itself: it exists in this epoch, has this sequence
number, and is a way to the gateway or not; routes are passed on with it, so a relay may lie about cost and never invent
a destination. A beacon is a gateway's word that it is there, for a node to know that its uplink leads somewhere.
"""

from typing import Any, NamedTuple

_HELLO = 0
_STATEMENT = 1
_BEACON = 2


class Hello(NamedTuple):
    """What a neighbour says of itself on a link."""

    ephemeral: bytes


class Statement(NamedTuple):
    """What an origin says of itself."""

    seqno: int
    gateway: bool


class Beacon(NamedTuple):
    """A gateway is there."""


def hello(ephemeral: bytes, credential: bytes | None) -> list[Any]:
    """The body of a hello."""
    return [_HELLO, ephemeral, credential]


def statement(seqno: int, gateway: bool) -> list[Any]:
    """The body of a statement."""
    return [_STATEMENT, seqno, gateway]


def beacon() -> list[Any]:
    """The body of a beacon."""
    return [_BEACON]


def credential(body: Any) -> bytes:
    """The credential that a hello brings, which has to be read before its signature can be checked; b"" for none."""
    if type(body) is list and len(body) == 3 and type(body[2]) is bytes:
        return body[2]
    return b""


def parse(body: Any) -> Hello | Statement | Beacon | None:
    """What a signed body says; None where it has another shape."""
    match body:
        case [int(what), bytes(key), bytes() | None] if what == _HELLO and len(key) == 32:
            return Hello(key)
        case [int(what), int(seqno), bool(gateway)] if what == _STATEMENT and 0 <= seqno <= 0xFFFFFFFF:
            return Statement(seqno, gateway)
        case [int(what)] if what == _BEACON:
            return Beacon()
    return None

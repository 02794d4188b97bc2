# SPDX-License-Identifier: GPL-3.0-or-later
"""What members say to one another of what they share: the bodies of `wire`, and these two around them.

body  = [credential, says]            ; of GL1 kind 8: the sender's, since not everybody has heard its birth
hello = [5, root, asking]             ; what the sender holds, in 16 bytes; asking: it wants to hear the other's
vouch = [6, [credential, ...]]        ; of authors, before their entries
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ganglion.mesh.state.digest import ROOT
from ganglion.mesh.state.wire import ENTRIES, NEWS, PAGE, Body, WireError

HELLO = 5
VOUCH = 6


class Hello(NamedTuple):
    """What a member holds.

    Attributes:
        root: Of its replica.
        asking: Whether it is for this member alone, and wants an answer; one that answers asks nothing.
    """

    root: bytes
    asking: bool

    def body(self) -> Body:
        """The message."""
        return [HELLO, *self]


class Vouch(NamedTuple):
    """Credentials of authors, still to be verified."""

    credentials: list[bytes]


def vouch(credentials: Iterable[bytes]) -> list[Body]:
    """Pages with credentials."""
    pages: list[Body] = []
    size = PAGE
    for credential in credentials:
        if size + len(credential) + 3 > PAGE:
            pages.append([VOUCH, []])
            size = 0
        pages[-1][1].append(credential)
        size += len(credential) + 3
    return pages


def authors(bodies: Iterable[Body]) -> list[bytes]:
    """The key ids of those whose entries these bodies carry, each once."""
    return list(dict.fromkeys(chunk[0] for body in bodies if body[0] in (ENTRIES, NEWS) for chunk in body[1]))


def parse(body: Any) -> Hello | Vouch | None:
    """Takes a body apart; None where it is one of `wire`, or none at all, which a replica tells apart.

    Raises:
        WireError: it begins as one of these two and goes on as neither.
    """
    if type(body) is not list or not body or type(body[0]) is not int:
        return None
    if body[0] == HELLO:
        if len(body) != 3 or type(body[1]) is not bytes or len(body[1]) != ROOT or type(body[2]) is not bool:
            raise WireError("a hello has a root and says whether it asks")
        return Hello(body[1], body[2])
    if body[0] == VOUCH:
        if len(body) != 2 or type(body[1]) is not list or not all(type(each) is bytes for each in body[1]):
            raise WireError("credentials are byte strings")
        return Vouch(body[1])
    return None

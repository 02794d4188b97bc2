# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router asks of the shell around it, as data: the shell carries it out in this order."""

from collections.abc import Hashable
from typing import NamedTuple


class MessageId(NamedTuple):
    """What makes a GL1 message one and the same on every path (design: E4).

    Attributes:
        kid: Who signed it.
        strict: Whether it is of class C; the classes count apart.
        epoch: Boot of its signer.
        seq: Within epoch and class.
    """

    kid: bytes
    strict: bool
    epoch: int
    seq: int


class Transmit(NamedTuple):
    """Send a frame.

    Attributes:
        link: Name of the link.
        address: As `receive` last gave it for this neighbour; None where it gave none.
        kid: The neighbour; None is everyone on the link.
        data: At most the link's MTU.
    """

    link: str
    address: Hashable | None
    kid: bytes | None
    data: bytes


class Deliver(NamedTuple):
    """A message for this node whose signature holds. It comes once, whatever the number of its paths, and once more
    where its sender, whom no answer has reached, sends it anew. Births do not come: the trust takes them in.

    Attributes:
        data: The GL1 message.
        kid: Who signed it.
    """

    data: bytes
    kid: bytes


class Undeliverable(NamedTuple):
    """Nobody took a message: it is the caller's again, to be spooled and sent when a route comes up.

    Attributes:
        id: Its identity.
        destination: Key id or `routes.GATEWAY`.
        data: The GL1 message.
        ours: False for one that this node was only to pass on.
        why: One phrase.
    """

    id: MessageId
    destination: bytes
    data: bytes
    ours: bool
    why: str


class RouteChanged(NamedTuple):
    """The way to a destination is another.

    Attributes:
        destination: Key id or `routes.GATEWAY`.
        next_hop: The neighbour; None where there is no way any more. This node's own key id for its own uplink.
        link: Name of the link; "" where there is none.
        metric: Sum of the costs.
    """

    destination: bytes
    next_hop: bytes | None
    link: str
    metric: int


class NeighbourChanged(NamedTuple):
    """A neighbour can be reached both ways on a link, or no more."""

    kid: bytes
    link: str
    up: bool


Effect = Transmit | Deliver | Undeliverable | RouteChanged | NeighbourChanged

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a parent has to do because of what its leaves said, in order."""

from collections.abc import Callable
from typing import Any, NamedTuple

#: Carries bytes back to where a message came from: a datagram's sender, a serial line.
Way = Callable[[bytes], None]


class Send(NamedTuple):
    """Send these bytes."""

    way: Way
    data: bytes


class Keep(NamedTuple):
    """Write a leaf's epoch to the disk, before anything that follows: what it said in an earlier one is over."""

    kid: bytes
    epoch: int


class Read(NamedTuple):
    """A reading.

    Attributes:
        leaf: Its name.
        stream: Of the leaf.
        value: A number, bool or text.
        timestamp: Nanoseconds since the Unix epoch.
    """

    leaf: str
    stream: str
    value: Any
    timestamp: int

    @property
    def source(self) -> str:
        """What it is called among the readings of its parent."""
        return source(self.leaf, self.stream)


def source(leaf: str, stream: str) -> str:
    """What a reading of a leaf is called among those of its parent."""
    return f"leaf.{leaf}.{stream.strip('/').replace('/', '.')}"


class Happened(NamedTuple):
    """An event, which is to be acknowledged once it is safe.

    Attributes:
        leaf: Its name.
        cls: Class.
        topic: As the leaf says it.
        value: Any.
        timestamp: Nanoseconds since the Unix epoch.
        kid: With `epoch` and `number`, which it is.
        epoch: Boot of the leaf.
        number: Of the event in that boot.
    """

    leaf: str
    cls: str
    topic: str
    value: Any
    timestamp: int
    kid: bytes
    epoch: int
    number: int


class Answered(NamedTuple):
    """A leaf's answer to the request with this id."""

    identity: str
    body: dict[str, Any]


class Changed(NamedTuple):
    """What there is to be said of the leaves has changed."""


Effect = Send | Keep | Read | Happened | Answered | Changed

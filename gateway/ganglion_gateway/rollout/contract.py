# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout needs of releases and of their delivery to nodes. Nothing else of them is used."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

#: Lets a transaction go on, or raises; gets its connection.
Fence = Callable[[Any], Awaitable[None]]


class Reported(StrEnum):
    """What a node says of a release, in the order in which it goes well."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    STAGED = "staged"
    TRIAL = "trial"
    HEALTHY = "healthy"
    COMMITTED = "committed"
    REVERTED = "reverted"
    FAILED = "failed"


class Report(NamedTuple):
    """A node's word on what it is to run.

    Attributes:
        node: Its id.
        release: What it speaks of; None for its own configuration, without a release.
        state: How far it is.
        why: Why it reverted or failed; "" else.
        at: When a gateway heard it, in nanoseconds since the Unix epoch. It is about the last assignment then, and
            never before that or the node's report before it, though other gateways have other clocks.
    """

    node: str
    release: str | None
    state: Reported
    why: str
    at: int


class Release(Protocol):
    """What a plan needs to know of a release."""

    @property
    def id(self) -> str:
        """What it is known by."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def size(self) -> int:
        """Bytes that its files take on a node."""
        ...

    def weight(self, caps: Mapping[str, Any]) -> int:
        """Bytes that its Ganglion takes beside them on a node with this birth."""
        ...

    def brings(self, sw: str, caps: Mapping[str, Any]) -> str:
        """The version of Ganglion that a node would run by it; "" where it brings none for that node.

        Args:
            sw, caps: As in the node's birth.
        """
        ...

    def lacking(self, *, board: str, sw: str, caps: Mapping[str, Any]) -> Sequence[str]:
        """What a node lacks for it, a sentence each.

        Args:
            board, sw, caps: As in the node's birth.
        """
        ...


class Releases(Protocol):
    """Releases, and what nodes are to have and have."""

    async def find(self, release: str) -> Release:
        """A release by its id, or what else people call it.

        Raises:
            NotFoundError: there is none.
            UnfitError: several are called so.
        """
        ...

    async def assign(self, node: str, release: str | None, *, by: str, fence: Fence, since: int = 0) -> None:
        """Has a node run a release from now on, or None for its own configuration. On the disk when it returns.

        Another `by` has what failed there before tried again; the same again by the same changes nothing.

        Args:
            fence: Is awaited first in the same transaction, and raises where nothing is to be assigned any more.
            since: Nanoseconds that no report of it is said to be older than, whatever clock the gateway has.

        Raises:
            NotFoundError: the node is not there any more.
            RefusedError: it was revoked.
        """
        ...

    async def assigned(self, nodes: Sequence[str]) -> dict[str, str]:
        """The release that each of these is to run, where it is to run one."""
        ...

    async def standing(self, nodes: Sequence[str]) -> list[Report]:
        """The last word of each of these on what it is to run."""
        ...

    async def said(self, since: int) -> list[Report]:
        """The last word of every node that was heard since a time, each on what the node is to run by now."""
        ...

    def listen(self, hear: Callable[[Report], None]) -> Callable[[], None]:
        """Has every report told as it comes, until what is returned is called. One may be lost: `said` has it."""
        ...

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout needs of releases, of their delivery to nodes, and of other gateways. Nothing else of them is used."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


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
    """A node's word on a release.

    Attributes:
        node: Its id.
        release: What it speaks of.
        state: How far it is.
        why: Why it reverted or failed; "" else.
        at: When the gateway heard it, in nanoseconds since the Unix epoch. A report that is told again has the same.
    """

    node: str
    release: str
    state: Reported
    why: str
    at: int


class Requires(Protocol):
    """What a node must be and have to take a release; empty or zero for what it does not ask."""

    @property
    def boards(self) -> Sequence[str]:
        """It must be one of these; each `*` stands for any letters."""
        ...

    @property
    def agent(self) -> str:
        """The oldest software that takes it, as in `0.2`."""
        ...

    @property
    def capabilities(self) -> Sequence[str]:
        """It must say each of them in its birth."""
        ...

    @property
    def size(self) -> int:
        """Bytes that must be free."""
        ...


class Releases(Protocol):
    """Releases, and what nodes are to have and have."""

    async def requires(self, release: str) -> Requires:
        """What a release asks of a node.

        Raises:
            NotFoundError: there is no such release.
        """
        ...

    async def assign(self, node: str, release: str | None) -> None:
        """Has a node pull toward a release from now on, or toward none. On the disk when it returns; the same again
        changes nothing.

        Raises:
            NotFoundError: the node is not there any more.
        """
        ...

    async def assigned(self, nodes: Sequence[str]) -> dict[str, str]:
        """The release that each of these is to have, where it is to have one."""
        ...

    async def standing(self, nodes: Sequence[str]) -> list[Report]:
        """The last word of each of these."""
        ...

    def listen(self, hear: Callable[[Report], None]) -> Callable[[], None]:
        """Has every report told as it comes, until what is returned is called. One may be lost: `standing` has it."""
        ...


class Lease(Protocol):
    """Of several gateways one runs the rollouts."""

    def __call__(self) -> bool:
        """Whether it is this one now."""
        ...


def alone() -> bool:
    """The lease where there is one gateway."""
    return True

# SPDX-License-Identifier: GPL-3.0-or-later
"""One group of a confidential topic, and what its register needs of the mesh."""

from dataclasses import dataclass
from typing import Protocol

from ganglion.mesh.group import Handover


class Office(Protocol):
    """What hands keys out: `ganglion.mesh.keyoffice`."""

    def issue(self, handover: Handover) -> None:
        """Gives its members a key."""
        ...

    def waits(self, group: str, node: str) -> bool:
        """Whether a member has yet to say that it has the newest key."""
        ...

    def able(self, node: str) -> bool:
        """Whether a member can be given keys."""
        ...


@dataclass(slots=True, kw_only=True)
class Group:
    """One group.

    Attributes:
        nodes: Ids of its members, as they were when they were named.
        tags: Whoever has one of these is a member too.
        members: Ids of those that the newest key was made for.
        made: When that was; 0 where there is no key yet.
        number: Of the newest key.
    """

    name: str
    nodes: list[str]
    tags: list[str]
    members: list[str]
    made: int = 0
    number: int = 0

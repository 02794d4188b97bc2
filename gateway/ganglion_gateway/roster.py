# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes by their ids, which are put in order once, however many look: there may be 10,000 of them, and many pages."""

from typing import Protocol, TypeVar


class Named(Protocol):
    """What has an id, and a name for people."""

    id: str
    name: str


N = TypeVar("N", bound=Named)


class Roster(dict[str, N]):
    """Nodes by id; `rename` gives one another name."""

    _ordered: tuple[N, ...] | None = None

    def __setitem__(self, id: str, node: N) -> None:
        self._ordered = None
        super().__setitem__(id, node)

    def take(self, id: str) -> N | None:
        """The node of an id, which is in it no more; None where there is none."""
        if id in self:
            self._ordered = None
        return self.pop(id, None)

    def rename(self, node: N, name: str) -> None:
        """One of them is called so from now on."""
        if node.name != name:
            node.name, self._ordered = name, None

    @property
    def ordered(self) -> tuple[N, ...]:
        """By name, and by id where they share one; the same object until it is another."""
        if self._ordered is None:
            self._ordered = tuple(sorted(self.values(), key=lambda node: (node.name, node.id)))
        return self._ordered

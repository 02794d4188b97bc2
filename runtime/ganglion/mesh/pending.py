# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that ask to be taken in without a key and wait for an operator, without I/O: a short list no stranger can fill.

Anybody who reaches the broker may ask, under as many keys as he likes. So the list is bounded, new nodes come onto it
at a bounded rate, and where it is full the one goes that has not asked for longest: a node that is really there asks
again every few seconds.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from ganglion.errors import RefusedError
from ganglion.units import SECOND

#: Nodes on the list.
LIMIT = 64
#: Nodes that may come onto it at once, and nanoseconds until one more may. It takes strangers a minute and a half to
#: fill the list, and a node asks again every 15 s.
_BURST = 16
_REFILL = 2 * SECOND
#: Nanoseconds within which a node that asks again gets no other answer.
_PATIENCE = SECOND


class CrowdedError(RefusedError):
    """Too many ask: this one gets no answer and asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A node that asks.

    Attributes:
        node_id: 26 letters, from its key.
        public: The key, 32 bytes, with which it has signed the request.
        name: What it wants to be called, 1 to 64 printable letters: a stranger's word.
        first: When it asked first, in nanoseconds since the Unix epoch.
        last: When it asked last.
    """

    node_id: str
    public: bytes
    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What an operator has decided.

    Attributes:
        name: What the node is called from now on.
        tags: Given to it.
    """

    name: str
    tags: tuple[str, ...] = ()


class Approvals(Protocol):
    """Where requests wait for an operator."""

    async def ask(self, node_id: str, public: bytes, name: str, now: int) -> Approval | None:
        """The operator's word; None while there is none.

        Raises:
            CrowdedError: it is not even on the list.
        """
        ...


class Waiting:
    """The list.

    Args:
        limit: Nodes on it.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._asking: dict[str, Asking] = {}  # who asked last is last
        self._room = float(_BURST)
        self._filled = 0

    @property
    def all(self) -> list[Asking]:
        """Everybody; who asked last is last."""
        return list(self._asking.values())

    def find(self, node_id: str) -> Asking | None:
        """Who asks under this id."""
        return self._asking.get(node_id)

    def load(self, asking: list[Asking]) -> None:
        """What an earlier run had."""
        self._asking = {one.node_id: one for one in sorted(asking, key=lambda one: one.last)[-self._limit :]}

    def ask(self, node_id: str, public: bytes, name: str, now: int) -> tuple[Asking, list[str]]:
        """Puts a node onto the list; returns it, and the ids of those that had to go for it.

        Raises:
            CrowdedError: too many have come lately.
        """
        known = self._asking.get(node_id)
        if known is not None:
            if 0 <= now - known.last < _PATIENCE and known.name == name:
                raise CrowdedError("asked twice in a second")
            del self._asking[node_id]
            self._asking[node_id] = asking = replace(known, name=name, last=now)
            return asking, []
        self._room = min(float(_BURST), self._room + max(0, now - self._filled) / _REFILL)
        self._filled = now
        if self._room < 1:
            raise CrowdedError("too many nodes ask to be taken in")
        self._room -= 1
        gone = [node for node, _ in zip(self._asking, range(len(self._asking) - self._limit + 1), strict=False)]
        for node in gone:
            del self._asking[node]
        self._asking[node_id] = asking = Asking(node_id=node_id, public=public, name=name, first=now, last=now)
        return asking, gone

    def remove(self, node_id: str) -> None:
        """It is decided."""
        self._asking.pop(node_id, None)

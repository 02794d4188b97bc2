# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of a call to a replica, as data: the caller sends it and tells whoever watches."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Change(NamedTuple):
    """A place that reads differently now.

    Attributes:
        kind: `entry.REGISTER`, `SET` or `COUNTER`.
        key: The key.
        element: Of a set; else None.
        present: Whether there is anything now.
        value: Of a register or a counter; true for an element; None where there is nothing.
        kid: Who wrote last; b"" where there is nothing.
        overruled: This node's own value lost to one that was written without knowing of it. To win, write again.
    """

    kind: int
    key: str
    element: Any
    present: bool
    value: Any
    kid: bytes
    overruled: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What to do, in this order: save `Replica.unsaved`, send, tell.

    Attributes:
        tell: Bodies of CRDT messages for everyone.
        answers: Bodies for the one whose message or hello it was.
        changes: For watchers.
        apart: Nanoseconds by which the clock of the neighbour that said hello is ahead of ours, where that is more than
            `clock.DRIFT`. One of the two is wrong: what its node writes is refused by others, or loses.
    """

    tell: list[list[Any]] = field(default_factory=list)
    answers: list[list[Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    apart: int = 0

    def merge(self, more: "Outcome") -> None:
        """Does that, too."""
        self.tell += more.tell
        self.answers += more.answers
        self.changes += more.changes

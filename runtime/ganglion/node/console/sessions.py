# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is at a node's console: any number look, and one of them writes. No I/O."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ganglion.errors import RefusedError
from ganglion.mesh.peer import Peer
from ganglion.node.console.shell import Shell
from ganglion.node.console.tail import Lines

#: Has a method of the node do something on behalf of a peer; raises RefusedError where the policy does not let that.
Perform = Callable[[str, dict[str, Any], Peer], Awaitable[Any]]
Permit = Callable[[str, dict[str, Any], Peer], None]


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One that somebody has opened.

    Attributes:
        id: What its owner calls it, and nobody else knows.
        peer: Who asks for it; nobody else may.
        who: The person, for others to read.
        by: What the gateway calls him.
        desk: What it is about.
        asked: Seconds until when it was last looked at.
        entered: Seconds when its owner last did something.
        began: The number of the first line after it was opened: notes of before are of sessions that he knows not of.
        level: Of the log, from which on he sees it.
        lowers: Whether he has asked for that level, and the node is to log as much.
        columns, rows: Of his window.
        shell: The one that is open.
        taken: Bytes that earlier ones have said.
        is_over: Whether it has ended.
    """

    id: str
    peer: Peer
    who: str
    by: object
    desk: "Desk"
    asked: float
    entered: float
    began: int
    level: int = logging.INFO
    lowers: bool = False
    columns: int = 80
    rows: int = 24
    shell: Shell | None = None
    taken: int = 0
    is_over: bool = False

    @property
    def writes(self) -> bool:
        """Whether its owner is the one."""
        return self.desk.writer is self

    @property
    def needs(self) -> list[tuple[str, dict[str, Any]]]:
        """Methods, and their parameters, that its owner has to be let call for as long as it goes on."""
        found: list[tuple[str, dict[str, Any]]] = []
        if self.desk.leaf:
            found.append(("leaf.call", {"leaf": self.desk.leaf, "method": "log", "params": {}}))
        if self.shell is not None:
            found.append(("console.shell", {"id": self.id, "by": self.by}))
        return found

    def check(self, permit: Permit) -> None:
        """Raises: RefusedError, its owner may not have it, or not any more."""
        for method, params in self.needs:
            permit(method, params, self.peer)


@dataclass(slots=True, kw_only=True, eq=False)
class Desk:
    """What sessions are about: the node, or a leaf of it.

    Attributes:
        leaf: Its name; "" for the node itself.
        lines: Its log, and what happens at it.
        writer: Who writes.
        sessions: All that are about it.
    """

    leaf: str
    lines: Lines
    writer: Session | None = None
    sessions: set[Session] = field(default_factory=set)

    @property
    def who(self) -> str | None:
        """Who writes, if anybody does."""
        return None if self.writer is None else self.writer.who

    def give(self, session: Session, *, take: bool) -> Session | None:
        """Has somebody write where nobody does, or where he takes it; who wrote before."""
        before = self.writer
        if before is session or (before is not None and not take):
            return None
        self.writer = session
        how = "writes now" if before is None else f"has taken over from {before.who}, who may only read now"
        self.lines.add(f"{session.who} {how}", session=session.id)
        return before

    def seat(self, session: Session) -> None:
        """Has a session's owner write, where nobody else does.

        Raises:
            RefusedError: somebody does.
        """
        self.give(session, take=False)
        if self.writer is not session:
            assert self.writer is not None
            raise RefusedError(
                f"{self.writer.who} writes here, and you may only read until you take over, where the policy lets you"
            )

    def leave(self, session: Session, why: str) -> None:
        """A session is over."""
        self.sessions.discard(session)
        if self.writer is session:
            self.writer = None
            self.lines.add(f"{session.who} writes no more: {why}", session=session.id)

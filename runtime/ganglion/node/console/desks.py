# SPDX-License-Identifier: GPL-3.0-or-later
"""What sessions at a node's console are about: the node and its log, leaves whose logs are followed, and ports."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ganglion.errors import NotFoundError
from ganglion.node.console import leaf as leaves
from ganglion.node.console.lent import Lent
from ganglion.node.console.sessions import Desk, Perform, Session
from ganglion.node.console.tail import Lines, Tail

if TYPE_CHECKING:
    from ganglion.config.serial import SerialSection


class Desks:
    """Those of one node.

    Args:
        tail: The node's log.
        perform: Has a method of this node do something on behalf of a peer.
        leaves: The methods of each leaf by its name; None where the node has none.
        ports: The serial ports that are lent.
        users: What of this node uses serial ports: their real paths, and what to call each.

    Attributes:
        ports: A desk for each of them.
    """

    def __init__(
        self,
        tail: Tail,
        perform: Perform,
        leaves: Callable[[], Mapping[str, list[str]]] | None,
        ports: "Mapping[str, SerialSection]",
        users: Callable[[], Mapping[str, str]],
    ) -> None:
        self._tail = tail
        self._perform = perform
        self._leaves = leaves
        self._node = Desk(leaf="", lines=tail.lines)
        self._of_leaves: dict[str, tuple[Desk, asyncio.Task[None]]] = {}
        self.ports = {name: self._lent(name, section, users) for name, section in ports.items()}
        self._closing: set[asyncio.Task[None]] = set()

    def find(self, leaf: str) -> Desk:
        """That of a leaf, whose log is followed once a session is there; that of the node for "".

        Raises:
            NotFoundError: there is no such leaf.
        """
        if not leaf:
            return self._node
        known = {} if self._leaves is None else self._leaves()
        if leaf not in known:
            raise NotFoundError(f"there is no leaf {leaf!r}; known are {', '.join(sorted(known)) or 'none'}")
        if leaf not in self._of_leaves:
            desk = Desk(leaf=leaf, lines=Lines(self._tail.changed))

            async def ask(method: str, params: dict[str, Any]) -> Any:
                # Of those who are there, who has looked last: he was let do so just now
                peer = max(desk.sessions, key=lambda session: session.asked).peer
                return await self._perform("leaf.call", {"leaf": leaf, "method": method, "params": params}, peer)

            self._of_leaves[leaf] = desk, asyncio.create_task(leaves.follow(leaf, desk.lines, ask))
        return self._of_leaves[leaf][0]

    def port(self, name: str) -> Desk:
        """That of a serial port. Raises: NotFoundError, none of this name is lent."""
        if name not in self.ports:
            lent = ", ".join(sorted(self.ports)) or "none: [serial.NAME] in its configuration lends one"
            raise NotFoundError(f"this node lends no port {name!r}; it lends {lent}")
        return self.ports[name]

    def _lent(self, name: str, section: "SerialSection", users: Callable[[], Mapping[str, str]]) -> Desk:
        def heard(data: bytes) -> None:
            if desk.writer is not None:
                desk.writer.echoed.heard(data)
            self._tail.changed()

        def say(text: str) -> None:
            lines.add(text, logging.WARNING)

        lines = Lines(self._tail.changed)
        desk = Desk(leaf="", lines=lines, lent=Lent(name, section, heard=heard, say=say, users=users))
        return desk

    async def aclose(self) -> None:
        """Lets go of the ports."""
        await asyncio.gather(*self._closing, return_exceptions=True)

    def left(self, desk: Desk) -> None:
        """Somebody has left it: when nobody is there, a leaf is followed no more, and a port let go of."""
        if desk is self._node:
            self.lower()
        elif desk.lent is not None:
            closing = asyncio.create_task(desk.lent.close(lambda: bool(desk.sessions)))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        elif not desk.sessions:
            _, following = self._of_leaves.pop(desk.leaf)
            following.cancel()

    def lower(self) -> None:
        """Has the node log as much as those have asked for that are there."""
        self._tail.lower(min((each.level for each in self._node.sessions if each.lowers), default=None))

    def leveled(self, session: Session, level: int) -> None:
        """A session wants to see the log from this level on."""
        session.level, session.lowers = level, True
        self.lower()

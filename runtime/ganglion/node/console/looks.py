# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody at a node's console is shown: as it comes, and slowly enough for the node's mesh to have room."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ganglion.node.console.sessions import Session
from ganglion.node.console.tail import Line, Tail

#: Letters of an answer, and letters or bytes a second of all answers: the node has other things to say to its mesh.
ROOM = 12_000
RATE = 48_000.0
#: Seconds in which what comes together is gathered for one answer.
_GATHER = 0.03
#: And at a port, where a program waits for each answer.
_AT_ONCE = 0.003


class Looks:
    """Those of all sessions of a node.

    Args:
        tail: Wakes who waits.
        monotonic: Seconds.
    """

    def __init__(self, tail: Tail, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._tail = tail
        self._monotonic = monotonic
        self._free = 0.0

    async def look(self, session: Session, after: int, seen: int, wait: float) -> dict[str, Any]:
        """See `Console.read`.

        Args:
            after: The number of the first line that is wanted.
            seen: Bytes of shells, or of the port, that were read.
            wait: Seconds to wait for something.
        """
        until = self._monotonic() + wait
        lines: list[Line] = []
        lost, data, missed = 0, b"", 0
        lent = session.desk.lent
        while True:
            if (pause := self._free - self._monotonic()) > 0:
                await asyncio.sleep(min(pause, max(until - self._monotonic(), 0)))
            if self._free <= self._monotonic():
                shell = session.shell
                if shell is not None:
                    data, seen = shell.take(seen, ROOM)
                    if shell.is_read:
                        session.shell, session.taken = None, seen
                        session.desk.lines.add(f"the shell has ended with {shell.code}")
                        continue
                else:
                    lines, after, more = session.desk.lines.since(after, session.level, ROOM, session.id, session.began)
                    lost += more
                if lent is not None:
                    data, seen, missed = lent.output.since(seen, ROOM)
            left = until - self._monotonic()
            if lines or lost or data or left <= 0 or session.is_over:
                break
            await self._tail.news(left)
            await asyncio.sleep(_GATHER if lent is None else _AT_ONCE)
        size = len(data) + sum(line.size for line in lines)
        self._free = max(self._free, self._monotonic()) + size / RATE
        return {
            "lines": [[line.at, line.level, line.text] for line in lines],
            "next": after,
            "lost": lost,
            "data": data,
            "seen": seen,
            "shell": session.shell is not None,
            "writer": session.desk.who,
            "writes": session.writes,
            **({} if lent is None else {"port": {"there": lent.is_there, "missed": missed, "modem": lent.modem}}),
        }

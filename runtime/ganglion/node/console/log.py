# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's log for who asks over the mesh without a session at its console: its last lines, and those that come."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.parameters import takes
from ganglion.node.console.asked import number
from ganglion.node.console.looks import ROOM
from ganglion.node.console.tail import LEVELS, NOTE, Lines
from ganglion.units import SECOND

#: The longest, in seconds, that a question waits for something to be logged.
LONGEST = 10.0
#: Lines of before with which somebody begins who follows.
SHOWN = 10


class Log:
    """What the node logs; what happens at the console is for who is there.

    Args:
        lines: The console's.
        news: Returns when there may be another line, or when so many seconds have passed.
        boot: What tells this run of the node from others.
    """

    def __init__(self, lines: Lines, news: Callable[[float], Awaitable[None]], boot: str) -> None:
        self._lines = lines
        self._news = news
        self._boot = boot

    @takes("after", "boot", "level", "wait")
    async def follow(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What was logged since, at once or as it comes: `{"records": [[at, level, logger, text]], "next", "boot"}`.

        `lost` is how many lines before these are kept no more.

        Args:
            params: `after` and `boot`, the `next` and the `boot` of the answer before: of another run of the node
                everything is new, and without them the last lines are. `level`, the least that is told, by default
                `info`; `wait`, the seconds to wait for something, at most `LONGEST`.

        Raises:
            InvalidError: these are none.
        """
        after, wait = int(number(params, "after")), min(number(params, "wait"), LONGEST)
        level = params.get("level", "info")
        if level not in LEVELS:
            raise InvalidError(f"must be one of {', '.join(LEVELS)}, not {level!r}", where="level")
        if (boot := params.get("boot", "")) != self._boot:
            after = 0 if boot else self._lines.before(SHOWN)
        deadline = time.monotonic() + wait
        lost = 0
        while True:
            found, after, missed = self._lines.since(after, LEVELS[level], ROOM)
            lost += missed
            records = [[line.at, line.level, *_split(line.text)] for line in found if line.level != NOTE]
            left = deadline - time.monotonic()
            if records or left <= 0:
                return {"records": records, "next": after, "boot": self._boot, "lost": lost}
            await self._news(left)

    @takes("after")
    async def asked(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The lines that are kept, as many as one message takes, oldest first: `{"lines", "next"}`.

        Args:
            params: `after`, the `next` of before: only lines after that.

        Raises:
            InvalidError: it is no whole number.
        """
        after = params.get("after", 0)
        if type(after) is not int:
            raise InvalidError("must be a whole number: the `next` of before", where="after")
        if after > self._lines.before(0):
            after = 0  # that was another start of the node
        while True:
            found, following, _ = self._lines.since(after, logging.INFO, ROOM)
            lines = [_text(line.at, line.level, line.text) for line in found if line.level != NOTE]
            if lines or following == after:
                return {"lines": lines, "next": following}
            after = following


def _text(at: int, level: int, text: str) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(at // SECOND))
    first, _, _ = text.partition("\n")
    return f"{when} {logging.getLevelName(level)} {first}"


def _split(text: str) -> tuple[str, str]:
    """The logger and what it said."""
    logger, _, said = text.partition(": ")
    return logger, said

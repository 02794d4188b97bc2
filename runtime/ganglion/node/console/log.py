# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a node's log, for who asks over the mesh without a session at its console."""

import logging
import time
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.parameters import takes
from ganglion.node.console.looks import ROOM
from ganglion.node.console.tail import NOTE, Lines
from ganglion.units import SECOND


class Log:
    """What the node logs, at `info` and above; what happens at the console is for who is there.

    Args:
        lines: The console's.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

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

# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a node's log, for who asks over the mesh."""

import logging
from collections import deque
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.parameters import takes

#: Lines that are kept, and letters of each.
LINES, LETTERS = 256, 500


class Log(logging.Handler):
    """Keeps what the loggers of Ganglion say, at the level that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
        self._lines: deque[str] = deque(maxlen=LINES)
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps its first line."""
        try:
            line = self.format(record).partition("\n")[0][:LETTERS]
        except Exception:
            self.handleError(record)
            return
        self._lines.append(line)
        self._count += 1

    @takes("after")
    async def asked(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The lines that are kept: `{"lines", "next"}`.

        Args:
            params: `after`, the `next` of before: only lines after that.

        Raises:
            InvalidError: it is no whole number.
        """
        after = params.get("after", 0)
        if type(after) is not int:
            raise InvalidError("must be a whole number: the `next` of before", where="after")
        kept = list(self._lines)
        fresh = self._count - after if 0 <= after <= self._count else len(kept)
        return {"lines": kept[len(kept) - min(fresh, len(kept)) :], "next": self._count}

# SPDX-License-Identifier: GPL-3.0-or-later
"""One session at the console of a node or a leaf: what is asked of the node, and what its answers mean. No I/O."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ganglion.errors import GanglionError

#: Seconds that the node waits for something to show, and that it has for its answer besides.
WAIT = 4.0
_SPARE = 8.0
#: Seconds that a line may take, that closing may, and anything else.
_LINE, _CLOSE, _ELSE = 300.0, 5.0, 10.0
#: Letters that are typed with one question.
_TYPED = 1000


class Asked(NamedTuple):
    """A method of the node, its parameters, and the seconds that it has."""

    method: str
    params: dict[str, Any]
    seconds: float


class Came(NamedTuple):
    """What came.

    Attributes:
        lines: Time in nanoseconds, level and text of each.
        lost: Lines that the node could not keep until now.
        data: What the shell says, where one is open.
        writer: Who writes; None for nobody.
        writes: Whether it is this session.
        shell: Whether a shell is open.
    """

    lines: list[tuple[int, int, str]]
    lost: int
    data: bytes
    writer: str | None
    writes: bool
    shell: bool


class Session:
    """Questions go out and answers come in, in any order but that `opening` is answered first.

    Args:
        target: A node's name or id, or `PARENT/LEAF`.
        columns, rows: Of the window.

    Attributes:
        node: The name or id that is asked.
        who: What others call the person here.
        writer: Who writes; None for nobody.
        writes: Whether it is this session.
        is_new: Whether the session began when it was opened last: what ran in one before it is over.
    """

    def __init__(self, target: str, *, columns: int = 80, rows: int = 24) -> None:
        self.node, _, self._leaf = target.partition("/")
        self._window = _window(columns, rows)
        self._id = secrets.token_hex(16)
        self._after = self._seen = 0
        self.who = ""
        self.writer: str | None = None
        self.writes = False
        self.is_new = False

    def opening(self, *, take: bool = False, watch: bool = False) -> Asked:
        """Begins the session; one that the node still has goes on where it was.

        Args:
            take: Write where somebody else does.
            watch: Do not write, though nobody else does.
        """
        asked: dict[str, Any] = dict(self._window)
        asked |= {name: True for name, wanted in (("take", take), ("watch", watch)) if wanted}
        asked |= {"leaf": self._leaf} if self._leaf else {}
        return self._asked("open", asked)

    def opened(self, said: Any) -> None:
        """Takes the answer. Raises: GanglionError, it is none of a console."""
        with self._understood():
            self.who, self.writer, self.writes = str(said["who"]), said["writer"], bool(said["writes"])
            self.is_new = bool(said["new"])
            if self.is_new:
                self._after, self._seen = int(said["after"]), 0

    def reading(self, wait: float = WAIT) -> Asked:
        """What came since the last time, or comes within so many seconds."""
        return self._asked("read", {"after": self._after, "seen": self._seen, "wait": wait}, wait + _SPARE)

    def read(self, said: Any) -> Came:
        """Takes the answer. Raises: GanglionError, it is none of a console."""
        with self._understood():
            data = str(said["data"])
            came = Came(
                [(int(at), int(level), str(text)) for at, level, text in said["lines"]],
                int(said["lost"]),
                base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)),
                None if said["writer"] is None else str(said["writer"]),
                bool(said["writes"]),
                bool(said["shell"]),
            )
            self._after, self._seen = int(said["next"]), int(said["seen"])
        self.writer, self.writes = came.writer, came.writes
        return came

    def entering(self, line: str) -> Asked:
        """Has a line carried out."""
        return self._asked("line", {"line": line}, _LINE)

    def entered(self, said: Any) -> tuple[str, Any]:
        """What of a line may be kept, and what came of it. Raises: GanglionError, it is no answer of a console."""
        with self._understood():
            return str(said["shown"]), said["result"]

    def typing(self, data: str) -> Iterator[Asked]:
        """Types into the shell, with as many questions as that takes."""
        for i in range(0, len(data), _TYPED):
            yield self._asked("input", {"data": data[i : i + _TYPED]})

    def resizing(self, columns: int, rows: int) -> Asked:
        """The window has this size now."""
        self._window = _window(columns, rows)
        return self._asked("input", dict(self._window))

    def closing(self) -> Asked:
        """Ends it; one that nobody can tell of it ends on the node by itself."""
        return self._asked("close", {}, _CLOSE)

    def _asked(self, what: str, params: dict[str, Any], seconds: float = _ELSE) -> Asked:
        return Asked(f"console.{what}", {"id": self._id, **params}, seconds)

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """A node may be anyone's: what it answers may be anything."""
        try:
            yield
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, GanglionError):
                raise
            raise GanglionError(
                f"{self.node} answers what no console does: its software is another one, update it"
            ) from None


def _window(columns: int, rows: int) -> dict[str, int]:
    return {"columns": min(max(columns, 1), 1000), "rows": min(max(rows, 1), 1000)}

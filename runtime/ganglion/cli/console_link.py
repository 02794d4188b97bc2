# SPDX-License-Identifier: GPL-3.0-or-later
"""A session at the console of a node or a leaf, by way of the gateway: asked for what came, and given lines."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.show import progress
from ganglion.errors import GanglionError

#: Seconds that the node waits for something to show, and that it has for its answer besides.
_WAIT = 4.0
_SPARE = 8.0
#: Seconds that a line may take.
_LINE = 300.0


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


class Link:
    """One session; a thread may read while another one writes.

    Args:
        gateway: By which way.
        target: A node's name or id, or `PARENT/LEAF`.
        columns, rows: Of the window.

    Attributes:
        who: What others call the person here.
        writer: Who writes; None for nobody.
        writes: Whether it is this session.
        is_new: Whether the session began when it was opened last: what ran in one before it is over.
    """

    def __init__(self, gateway: GatewayClient, target: str, *, columns: int = 80, rows: int = 24) -> None:
        self._gateway = gateway
        self._node, _, self._leaf = target.partition("/")
        self._window = {"columns": min(max(columns, 1), 1000), "rows": min(max(rows, 1), 1000)}
        self._id = secrets.token_hex(16)
        self._after = self._seen = 0
        self.who = ""
        self.writer: str | None = None
        self.writes = False
        self.is_new = False

    def open(self, *, take: bool = False, watch: bool = False) -> None:
        """Begins the session; one that the node still has goes on where it was.

        Args:
            take: Write where somebody else does.
            watch: Do not write, though nobody else does.

        Raises:
            NotFoundError: there is no such node, or it has no console.
            RefusedError: the policy is against it, or too many are there.
            UnreachableError: the node does not answer.
        """
        asked: dict[str, Any] = dict(self._window)
        asked |= {name: True for name, wanted in (("take", take), ("watch", watch)) if wanted}
        asked |= {"leaf": self._leaf} if self._leaf else {}
        with _understood(self._node):
            said = self._call("open", asked)
            self.who, self.writer, self.writes = str(said["who"]), said["writer"], bool(said["writes"])
            self.is_new = bool(said["new"])
            if self.is_new:
                self._after, self._seen = int(said["after"]), 0

    def read(self, wait: float = _WAIT) -> Came:
        """What came since the last time, or comes within so many seconds.

        Raises:
            NotFoundError: the session is over; the message says why.
            UnreachableError: the node does not answer.
        """
        with _understood(self._node):
            said = self._call("read", {"after": self._after, "seen": self._seen, "wait": wait}, wait + _SPARE)
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

    def line(self, line: str) -> tuple[str, Any]:
        """Has a line carried out: what of it may be kept, and what came of it.

        Raises:
            RefusedError: somebody else writes, or the policy is against it.
            GanglionError: what the node says.
        """
        params = {"id": self._id, "line": line}
        command = self._gateway.command
        with _understood(self._node):
            said = command(self._node, "console.line", params, timeout=_LINE, on_progress=progress)["result"]
            return str(said["shown"]), said["result"]

    def type(self, data: str) -> None:
        """Types into the shell. Raises: as `line`."""
        for i in range(0, len(data), 1000):
            self._call("input", {"data": data[i : i + 1000]})

    def resize(self, columns: int, rows: int) -> None:
        """The window has this size now. Raises: as `line`."""
        self._window = {"columns": min(max(columns, 1), 1000), "rows": min(max(rows, 1), 1000)}
        self._call("input", self._window)

    def close(self) -> None:
        """Ends it; one that nobody can tell of it ends on the node by itself."""
        self._call("close", {}, 5.0)

    def _call(self, what: str, params: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:
        asked = {"id": self._id, **params}
        answer: dict[str, Any] = self._gateway.command(self._node, f"console.{what}", asked, timeout=timeout)["result"]
        return answer


@contextmanager
def _understood(node: str) -> Iterator[None]:
    """A node may be anyone's: what it answers may be anything."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, GanglionError):
            raise
        raise GanglionError(f"{node} answers what no console does: its software is another one, update it") from None

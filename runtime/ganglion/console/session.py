# SPDX-License-Identifier: GPL-3.0-or-later
"""One session at the console of a node, a leaf or a serial port that a node lends: what is asked, what answers mean.

No I/O.
"""

import base64
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ganglion.errors import GanglionError

#: Seconds that the node waits for something to show, and that it has for its answer besides.
WAIT = 4.0
_SPARE = 8.0
#: Seconds that a line may take, that closing may, and anything else.
_LINE, _CLOSE, _ELSE = 300.0, 5.0, 10.0
#: Letters that are typed with one question, and bytes that a port is given with one.
_TYPED = 1000
MOST_WRITTEN = 4096


class Asked(NamedTuple):
    """A method of the node, its parameters, and the seconds that it has."""

    method: str
    params: dict[str, Any]
    seconds: float


class AtPort(NamedTuple):
    """How a port is.

    Attributes:
        there: Whether its cable is in.
        missed: Bytes that it said and that are lost here.
        modem: The lines that the device sets, by pyserial's names.
    """

    there: bool
    missed: int
    modem: dict[str, bool]


class IsSet(NamedTuple):
    """How a port is set.

    Attributes:
        there: Whether its cable is in.
        settings: Speed and format, by pyserial's names.
        lacks: Lines that were to be set, and that it has not.
        seen: Bytes that it has said by now.
    """

    there: bool
    settings: dict[str, Any]
    lacks: tuple[str, ...]
    seen: int


class Came(NamedTuple):
    """What came.

    Attributes:
        lines: Time in nanoseconds, level and text of each.
        lost: Lines that the node could not keep until now.
        data: What the shell says, where one is open, or the port.
        writer: Who writes; None for nobody.
        writes: Whether it is this session.
        shell: Whether a shell is open.
        port: How the port is; None where the session is of none.
    """

    lines: list[tuple[int, int, str]]
    lost: int
    data: bytes
    writer: str | None
    writes: bool
    shell: bool
    port: AtPort | None = None


class Session:
    """Questions go out and answers come in, in any order but that `opening` is answered first.

    Args:
        target: A node's name or id, `PARENT/LEAF`, or `NODE:PORT`.
        columns, rows: Of the window.

    Attributes:
        node: The name or id that is asked.
        who: What others call the person here.
        writer: Who writes; None for nobody.
        writes: Whether it is this session.
        is_new: Whether the session began when it was opened last: what ran in one before it is over.
        seen: Bytes of the shell or the port that were read.
        written: Bytes that the port was given.
        port: How the port was set when the session was opened; None where it is of none.
    """

    def __init__(self, target: str, *, columns: int = 80, rows: int = 24) -> None:
        whole, _, self._port = target.partition(":")
        self.node, _, self._leaf = whole.partition("/")
        self._window = _window(columns, rows)
        self._id = secrets.token_hex(16)
        self._after = self.seen = self.written = 0
        self.port: IsSet | None = None
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
        asked |= {what: name for what, name in (("leaf", self._leaf), ("port", self._port)) if name}
        return self._asked("open", asked)

    def opened(self, said: Any) -> None:
        """Takes the answer. Raises: GanglionError, it is none of a console."""
        with self._understood():
            self.who, self.writer, self.writes = str(said["who"]), said["writer"], bool(said["writes"])
            self.is_new = bool(said["new"])
            self.port = _is_set(said["port"]) if self._port else None
            self.written = int(said["port"]["written"]) if self._port else 0
            if self.is_new:
                self._after, self.seen = int(said["after"]), 0 if self.port is None else self.port.seen

    def reading(self, wait: float = WAIT) -> Asked:
        """What came since the last time, or comes within so many seconds."""
        return self._asked("read", {"after": self._after, "seen": self.seen, "wait": wait}, wait + _SPARE)

    def read(self, said: Any) -> Came:
        """Takes the answer. Raises: GanglionError, it is none of a console."""
        with self._understood():
            data = str(said["data"])
            port = said["port"] if self._port else None
            came = Came(
                [(int(at), int(level), str(text)) for at, level, text in said["lines"]],
                int(said["lost"]),
                base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)),
                None if said["writer"] is None else str(said["writer"]),
                bool(said["writes"]),
                bool(said["shell"]),
                None
                if port is None
                else AtPort(
                    bool(port["there"]),
                    int(port["missed"]),
                    {str(name): bool(on) for name, on in port["modem"].items()},
                ),
            )
            self._after, self.seen = int(said["next"]), int(said["seen"])
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

    def writing(self, data: bytes, pauses: Sequence[tuple[int, float]] = ()) -> Asked:
        """Gives the port bytes, at most `MOST_WRITTEN`; asked again, they are written once.

        Args:
            pauses: After how many of them to wait, and how many seconds.
        """
        text = base64.urlsafe_b64encode(data).decode()
        waits = {"pauses": [[count, round(seconds, 4)] for count, seconds in pauses]} if pauses else {}
        return self._asked("write", {"at": self.written, "data": text, **waits})

    def wrote(self, said: Any) -> tuple[int, bool]:
        """How many of them it was given, and whether it is there. Raises: GanglionError, it is no answer of a port."""
        with self._understood():
            before, self.written = self.written, int(said["at"])
            return self.written - before, bool(said["there"])

    def setting(self, **what: Any) -> Asked:
        """Sets the port after what was written: speed, format and lines by pyserial's names, or forgets what waits."""
        return self._asked("set", what)

    def was_set(self, said: Any) -> IsSet:
        """Takes the answer. Raises: GanglionError, it is none of a port."""
        with self._understood():
            return _is_set(said)

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
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            if isinstance(error, GanglionError):
                raise
            raise GanglionError(
                f"{self.node} answers what no console does: its software is another one, update it"
            ) from None


def _is_set(said: Any) -> IsSet:
    settings = {str(name): value for name, value in said["settings"].items()}
    settings["baudrate"] = int(settings["baudrate"])
    lacks = tuple(str(name) for name in said.get("lacks", ()))
    return IsSet(bool(said["there"]), settings, lacks, int(said["seen"]))


def _window(columns: int, rows: int) -> dict[str, int]:
    return {"columns": min(max(columns, 1), 1000), "rows": min(max(rows, 1), 1000)}

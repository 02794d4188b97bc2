# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a console's output goes: a terminal or a file for people, or JSON lines for programs."""

import time
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

from ganglion.console.harmless import RESET
from ganglion.console.lines import Direction, Line, Lines, document, event
from ganglion.console.view import View

#: Seconds after which a line without an end is given to programs: it is a prompt.
QUIET = 0.2
#: And after which people are shown a row of bytes that is not full.
_ROW = 0.05


class Screen(Protocol):
    """What a console says."""

    @property
    def deadline(self) -> float | None:
        """When `look` is to be called, on the monotonic clock; None for never."""

    def received(self, data: bytes) -> None:
        """The device said this."""

    def sent(self, data: bytes) -> None:
        """This was written to it."""

    def tell(self, text: str) -> None:
        """Something happened to the port, or was asked for."""

    def show(self, text: str) -> None:
        """What a person types to the console itself."""

    def look(self) -> None:
        """Does what is due."""

    def close(self) -> None:
        """Says what is left."""


class PlainScreen:
    """For people: what the device says on stdout, what the console says on stderr.

    Args:
        view: How it is shown.
        out: Where what the device says goes.
        err: Where what the console says goes.
        terminal: Whether both are one terminal, so that a line of ours has to begin one.
    """

    def __init__(self, view: View, out: BinaryIO, err: BinaryIO, *, terminal: bool) -> None:
        self.view = view
        self._out, self._err = out, err
        self._is_terminal = terminal
        self._heard = 0.0

    @property
    def deadline(self) -> float | None:
        """When a row of bytes that is not full is shown."""
        return self._heard + _ROW if self.view.has_row else None

    def received(self, data: bytes) -> None:
        """Shows it."""
        self._heard = time.monotonic()
        self._put(self._out, self.view.show(data, _local()))

    def sent(self, data: bytes) -> None:
        """Nothing: a device that wants it to be seen says it again."""

    def tell(self, text: str) -> None:
        """A line of its own."""
        begin = "\r\n" if self._is_terminal and not self.view.at_line_start else ""
        self._put(self._err, f"{begin}ganglion: {text}\n".encode(errors="backslashreplace"))
        self.view.begin_line()

    def show(self, text: str) -> None:
        """As it is."""
        self._put(self._err, text.encode(errors="backslashreplace"))
        self.view.begin_line()

    def look(self) -> None:
        """Shows a row of bytes that nothing follows."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self._put(self._out, self.view.row())

    def switch_hexadecimal(self) -> None:
        """Shows bytes, or text again."""
        self._put(self._out, self.view.row())
        self.view.switch_hexadecimal()

    def close(self) -> None:
        """Shows what was begun, and takes back colours."""
        self._put(self._out, self.view.rest(_local()))
        if self._is_terminal:
            self._put(self._out, RESET.encode())

    @staticmethod
    def _put(where: BinaryIO, data: bytes) -> None:
        if data:
            where.write(data)
            where.flush()


class JsonScreen:
    """For programs: a JSON document for each line, in either direction, and for each event."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lines: dict[Direction, Lines] = {"received": Lines(), "sent": Lines()}
        self._heard = 0.0

    @property
    def deadline(self) -> float | None:
        """When a line without an end is given."""
        return self._heard + QUIET if any(lines.has_begun for lines in self._lines.values()) else None

    def received(self, data: bytes) -> None:
        """Its lines that have ended."""
        self._take("received", data)

    def sent(self, data: bytes) -> None:
        """As for what was received; a CR, which is what Enter sends, ends a line too."""
        self._take("sent", data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))

    def tell(self, text: str) -> None:
        """As an event."""
        self._put(event(text, _utc()))

    def show(self, text: str) -> None:
        """Nothing: no person types."""

    def look(self) -> None:
        """Gives lines that have no end."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.close()

    def close(self) -> None:
        """Gives what waits for its end."""
        for direction, lines in self._lines.items():
            self._give(direction, lines.rest())

    def _take(self, direction: Direction, data: bytes) -> None:
        self._heard = time.monotonic()
        self._give(direction, self._lines[direction].receive(data))

    def _give(self, direction: Direction, lines: list[Line]) -> None:
        for line in lines:
            self._put(document(line, direction, _utc()))

    def _put(self, text: str) -> None:
        self._out.write(text.encode() + b"\n")
        self._out.flush()


def _local() -> str:
    return f"{datetime.now(UTC).astimezone():%H:%M:%S.%f}"[:-3]


def _utc() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"

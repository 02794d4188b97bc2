# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of Python that runs in a device's memory: nothing is written to its flash, and a reset has it forgotten."""

import codecs
import time
import warnings
from typing import NamedTuple

from ganglion.device.raw_repl import Event, Executed, Output
from ganglion.device.session import QUIET, Session
from ganglion.errors import InvalidError, UnreachableError

#: What tracebacks call a program that came over the raw REPL.
_STDIN = 'File "<stdin>"'
#: Bytes of a file: no device of these compiles one that is larger.
MOST = 256 * 1024
#: Seconds of waiting, and bytes a second that the slowest device takes.
_TICK, _SLOW = 0.1, 1000
#: Seconds of silence after which a line that has no end is shown: it may be a prompt.
_PROMPT = 0.5
#: Characters by which the raw REPL is steered.
_CONTROL = {chr(number) for number in range(1, 6)}


class Said(NamedTuple):
    """What a program has said.

    Attributes:
        text: Of it.
        is_error: Whether it belongs to the traceback that it ends with.
    """

    text: str
    is_error: bool


class Ended(NamedTuple):
    """A program has ended.

    Attributes:
        traceback: By which exception, as the device says it; empty where it ended well.
    """

    traceback: str

    @property
    def is_syntax(self) -> bool:
        """Whether the device could not even read it: nothing of it has run."""
        *places, last = self.traceback.splitlines() or [""]
        return last.startswith(("SyntaxError", "IndentationError")) and not any(", in " in each for each in places)


def source(data: bytes, name: str) -> str:
    """The text of a file that is Python.

    Raises:
        InvalidError: it is none; where has line and column.
    """
    if len(data) > MOST:
        raise InvalidError(f"is {len(data)} bytes long, and {MOST} is the limit", where=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise InvalidError("is no text in UTF-8", where=f"{name}:{line}:{column}") from None
    for line, words in enumerate(text.splitlines(), 1):
        if found := _CONTROL.intersection(words):
            letter = min(found, key=words.index)
            where = f"{name}:{line}:{words.index(letter) + 1}"
            raise InvalidError(
                f"a control character, by which the device is steered: write \\x0{ord(letter)}", where=where
            )
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        raise InvalidError(f"{getattr(error, 'msg', None) or error}", where=f"{name}:{line}:{column}") from None
    return text


class Trying:
    """Runs one program after the other on a device that is in raw mode, each in an interpreter that starts anew.

    Args:
        session: It has been entered.
        name: What tracebacks call the programs.
    """

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self._running = False
        self._events: list[Event] = []  # that came while it was sent
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in range(2)]
        self._lines = ["", ""]  # begun, of output and of the traceback
        self._traceback = ""
        self._heard = 0.0

    def run(self, text: str) -> None:
        """Ends what runs, and has this run: the interpreter starts anew, with boot.py and without main.py.

        Raises:
            UnreachableError: the device does not come back, or does not take it.
        """
        if self._running:
            self._running = False
            self._session.enter()
        self._session.soft_reset()
        self._lines, self._traceback = ["", ""], ""
        self._session.begin(text)
        self._running = True
        self._events, heard = [], time.monotonic()
        while not self._session.has_taken:
            if events := self._session.hear(_TICK):
                self._events, heard = self._events + events, time.monotonic()
            elif time.monotonic() - heard > QUIET + len(text) / _SLOW:
                raise UnreachableError(f"{self._session.port.name} does not take the program: press its reset button")

    def hear(self, timeout: float) -> list[Said | Ended]:
        """What comes of it within so many seconds.

        Raises:
            GanglionError: the device is gone, or is no longer in raw mode.
        """
        found: list[Said | Ended] = []
        events, self._events = self._events or self._session.hear(timeout), []
        for event in events:
            if isinstance(event, Output):
                found += self._said(event.data, event.stream == "error")
            elif isinstance(event, Executed):
                found += self._rest()
                found.append(Ended(self._traceback))
                self._running = False
        if events:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _PROMPT:
            found = self._rest()
        return found

    def _said(self, data: bytes, is_error: bool) -> list[Said | Ended]:
        """Whole lines alone: so a file's name is not cut in two."""
        came = (self._lines[is_error] + self._decoders[is_error].decode(data)).replace("\r\n", "\n")
        whole, newline, self._lines[is_error] = came.rpartition("\n")
        return [self._named(whole + newline, is_error)] if newline else []

    def _rest(self) -> list[Said | Ended]:
        """What no end of a line has come for."""
        lines, self._lines = self._lines, ["", ""]
        return [self._named(text, bool(kind)) for kind, text in enumerate(lines) if text]

    def _named(self, text: str, is_error: bool) -> Said:
        text = text.replace(_STDIN, f'File "{self._name}"')
        if is_error:
            self._traceback += text
        return Said(text, is_error)

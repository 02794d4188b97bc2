# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a log, numbered: who looks at it says how far it has read, and hears what it has missed."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ganglion.redacted import redacted

#: Letters that are kept, and letters of one line: a traceback is one. Each line counts for so many more.
KEPT = 64 * 1024
LONGEST = 2000
_COST = 24
#: Levels by the names that people and leaves have for them.
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
#: What the console itself says, whatever the level of the log.
NOTE = 100


class Line(NamedTuple):
    """One line.

    Attributes:
        at: Nanoseconds since the Unix epoch.
        level: As `logging` has it, or `NOTE`.
        text: It may have newlines.
        session: Whose it is, who knows it already; "" for nobody's.
    """

    at: int
    level: int
    text: str
    session: str = ""

    @property
    def size(self) -> int:
        """What it counts for, in letters."""
        return len(self.text) + _COST


class Lines:
    """Numbered lines, the oldest dropped. Any thread may add one.

    Args:
        changed: Called in the thread that has added a line.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._lines: deque[Line] = deque()
        self._letters = 0
        self._next = 0

    def before(self, count: int) -> int:
        """The number of the line from which on so many were logged, or of the oldest; notes do not count."""
        with self._lock:
            at = self._next
            for line in reversed(self._lines):
                if not count:
                    break
                at -= 1
                count -= line.level != NOTE
            return at

    def add(self, text: str, level: int = NOTE, *, at: int | None = None, session: str = "") -> None:
        """A line; what it has beyond `LONGEST` letters is cut from its middle, for a traceback ends with the error."""
        if len(text) > LONGEST:
            text = f"{text[: LONGEST // 2 - 1]}…{text[-LONGEST // 2 :]}"
        line = Line(time.time_ns() if at is None else at, level, text, session)
        with self._lock:
            self._lines.append(line)
            self._letters += line.size
            while self._letters > KEPT:
                self._letters -= self._lines.popleft().size
            self._next += 1
        self._changed()

    def since(
        self, after: int, level: int, room: int, session: str = "", noted: int = 0
    ) -> tuple[list[Line], int, int]:
        """The lines from the number `after` on of at least this level, the number to go on with, and how many are lost.

        Args:
            room: Letters of all of them; one is given in any case.
            session: Who looks.
            noted: The number from which on there are notes for who looks.
        """
        with self._lock:
            first = self._next - len(self._lines)
            lost = max(0, first - after)
            at = min(max(after, first), self._next)
            found: list[Line] = []
            for line in list(self._lines)[at - first :]:
                is_wanted = at >= noted if line.level == NOTE else line.level >= level
                if is_wanted and not (session and line.session == session):
                    room -= line.size
                    if room < 0 and found:
                        break
                    found.append(line)
                at += 1
            return found, at, lost


class Tail(logging.Handler):
    """What this process logs, as `Lines`; who waits for one on the loop is woken, however many come at once.

    Attributes:
        lines: They.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines = Lines(self.changed)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waking = False
        self._news: asyncio.Event | None = None
        self._levels = logging.getLogger("ganglion").level

    def attach(self) -> None:
        """Hears the log from now on, on the running loop."""
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        logging.getLogger().addHandler(self)

    def detach(self) -> None:
        """Hears no more."""
        logging.getLogger().removeHandler(self)
        self.lower(None)
        self._loop = None

    def lower(self, level: int | None) -> None:
        """Has our own parts log from this level on where they log less; None for as it was at first."""
        ours = logging.getLogger("ganglion")
        ours.setLevel(self._levels)
        if level is not None and level < ours.getEffectiveLevel():
            ours.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """A record of the log, without the secrets that are known by their form."""
        try:
            text = f"{record.name}: {self.format(record)}"
        except Exception:  # a message that does not fit its arguments is told of by the other handlers
            text = f"{record.name}: {record.msg}"
        self.lines.add(redacted(text), record.levelno, at=int(record.created * 1e9))

    async def news(self, seconds: float) -> None:
        """Returns at the next call of `changed`, or when so much time has passed."""
        if self._news is None or seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def changed(self) -> None:
        """There is something new for who waits; from any thread."""
        loop = self._loop
        if loop is None or self._waking:
            return
        self._waking = True
        try:
            loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # it is closed
            self._loop = None

    def _wake(self) -> None:
        self._waking = False
        if self._news is not None:
            news, self._news = self._news, asyncio.Event()
            news.set()

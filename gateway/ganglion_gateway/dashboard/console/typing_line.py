# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that is typed at a terminal: keys as xterm sends them come in, and what is to be shown goes out. No I/O."""

import re
from dataclasses import dataclass, field

#: Lines that are remembered, and letters of one.
_KEPT, _LONG = 200, 4000
_PROMPT = "› "
_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|\x1b[^\[O]?|\r\n|[^\x1b]", re.DOTALL)


@dataclass(slots=True)
class TypedLine:
    """One line at a time.

    Attributes:
        columns: Of the window.
    """

    columns: int = 80
    _text: str = ""
    _at: int = 0
    _kept: list[str] = field(default_factory=list)
    _look: int = 0  # which of the lines before is shown; len(_kept) for what is typed now
    _now: str = ""

    def keys(self, data: str) -> list[str]:
        """The keys that data is, each as it is taken by `press`."""
        return _KEY.findall(data)

    def press(self, key: str) -> str | None:
        """Takes a key; the line where it was entered, else None."""
        match key:
            case "\r" | "\n" | "\r\n":
                return self._enter()
            case "\x7f" | "\b" if self._at:
                self._text = self._text[: self._at - 1] + self._text[self._at :]
                self._at -= 1
            case "\x1b[3~":
                self._text = self._text[: self._at] + self._text[self._at + 1 :]
            case "\x15":  # Ctrl-U
                self._text, self._at = self._text[self._at :], 0
            case "\x0b":  # Ctrl-K
                self._text = self._text[: self._at]
            case "\x17":  # Ctrl-W
                kept = self._text[: self._at].rstrip().rpartition(" ")
                before = kept[0] + kept[1]
                self._text, self._at = before + self._text[self._at :], len(before)
            case "\x1b[D" | "\x1bOD":
                self._at = max(self._at - 1, 0)
            case "\x1b[C" | "\x1bOC":
                self._at = min(self._at + 1, len(self._text))
            case "\x1b[H" | "\x1bOH" | "\x01":
                self._at = 0
            case "\x1b[F" | "\x1bOF" | "\x05":
                self._at = len(self._text)
            case "\x1b[A" | "\x1bOA":
                self._go(-1)
            case "\x1b[B" | "\x1bOB":
                self._go(1)
            case _ if key.isprintable() and len(key) == 1 and len(self._text) < _LONG:
                self._text = self._text[: self._at] + key + self._text[self._at :]
                self._at += 1
        return None

    def drop(self) -> bool:
        """Forgets what is typed; whether there was something."""
        was = bool(self._text)
        self._text, self._at, self._look = "", 0, len(self._kept)
        return was

    def shown(self) -> str:
        """The line as the terminal is to show it, in place of what stands in its row, with the cursor in its place."""
        room = max(self.columns - len(_PROMPT) - 1, 8)
        first = max(0, self._at - room)
        seen = self._text[first : first + room]
        back = len(seen) - (self._at - first)
        return f"{ERASE}\x1b[36m{_PROMPT}\x1b[0m{seen}" + (f"\x1b[{back}D" if back else "")

    def _enter(self) -> str:
        line = self._text
        if line.strip() and self._kept[-1:] != [line]:
            self._kept = [*self._kept[-_KEPT + 1 :], line]
        self.drop()
        return line

    def _go(self, way: int) -> None:
        look = min(max(self._look + way, 0), len(self._kept))
        if look == self._look:
            return
        if self._look == len(self._kept):
            self._now = self._text
        self._look = look
        self._text = self._now if look == len(self._kept) else self._kept[look]
        self._at = len(self._text)


#: Takes away what stands in the row of the cursor.
ERASE = "\r\x1b[2K"

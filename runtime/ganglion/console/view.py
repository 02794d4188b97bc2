# SPDX-License-Identifier: GPL-3.0-or-later
"""What a console shows of what a device says: text, with the time before each line or not, or bytes in hexadecimal."""

from ganglion.console.harmless import Harmless

_ROW = 16


class View:
    """One console's.

    Args:
        hexadecimal: Rows of bytes in place of text.
        times: The time before each line.
        raw: What the device sends as it is, and nothing else: for programs that take over the whole screen, and files.
    """

    def __init__(self, *, hexadecimal: bool = False, times: bool = False, raw: bool = False) -> None:
        self.hexadecimal = hexadecimal
        self.times = times
        self.raw = raw
        self._harmless = Harmless()
        self._at = 0  # bytes that were shown in hexadecimal
        self._begins = True  # a line does
        self._returned = False  # the last letter was a CR

    @property
    def at_line_start(self) -> bool:
        """Whether what comes next begins a line."""
        return self._begins

    def begin_line(self) -> None:
        """Somebody else has written to the terminal, and ended a line."""
        self._begins, self._returned = True, False

    def show(self, data: bytes, stamp: str) -> bytes:
        """What to write to the terminal.

        Args:
            data: What came.
            stamp: The time, as it is to stand before a line.
        """
        if self.raw:
            self._begins = data.endswith(b"\n")
            return data
        text = self._rows(data, stamp) if self.hexadecimal else self._stamped(self._harmless.text(data), stamp)
        return text.encode()

    def rest(self, stamp: str) -> bytes:
        """What was begun and does not go on: the end of a letter, or of a sequence."""
        return b"" if self.raw else self._stamped(self._harmless.rest(), stamp).encode()

    def switch_hexadecimal(self) -> None:
        """Shows bytes, or text again."""
        self.hexadecimal = not self.hexadecimal
        self._harmless = Harmless()
        self._at = 0

    def _stamped(self, text: str, stamp: str) -> str:
        if not self.times:
            if text:
                self._begins, self._returned = text[-1] == "\n", text[-1] == "\r"
            return text
        out = []
        for letter in text:
            # After a CR a line is drawn anew, over its time, unless it ends
            if (self._begins and letter != "\r") or (self._returned and letter not in "\r\n"):
                out.append(f"[{stamp}] ")
                self._begins = False
            out.append(letter)
            self._returned = letter == "\r"
            self._begins = letter == "\n" or (self._begins and self._returned)
        return "".join(out)

    def _rows(self, data: bytes, stamp: str) -> str:
        out = [] if self._begins else ["\n"]
        self._begins = True
        for at in range(0, len(data), _ROW):
            row = data[at : at + _ROW]
            letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
            time = f"[{stamp}] " if self.times else ""
            out.append(f"{time}{self._at:08x}  {row.hex(' '):<{3 * _ROW - 1}}  |{letters}|\n")
            self._at += len(row)
        return "".join(out)

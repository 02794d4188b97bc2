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
        self._row = bytearray()  # and those that are not yet
        self._row_stamp = ""
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

    @property
    def has_row(self) -> bool:
        """Whether bytes wait for a row of `hexadecimal` to be full."""
        return bool(self._row)

    def row(self) -> bytes:
        """The row that is not full; b"" where there is none."""
        return self._ended_row().encode() if self._row else b""

    def rest(self, stamp: str) -> bytes:
        """What was begun and does not go on: a row, a letter, or a sequence."""
        return b"" if self.raw else self.row() + self._stamped(self._harmless.rest(), stamp).encode()

    def switch_hexadecimal(self) -> None:
        """Shows bytes, or text again; `row` goes before."""
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
        out = []
        for byte in data:
            if not self._row:
                self._row_stamp = stamp
            self._row.append(byte)
            if len(self._row) == _ROW:
                out.append(self._ended_row())
        return "".join(out)

    def _ended_row(self) -> str:
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in self._row)
        time = f"[{self._row_stamp}] " if self.times else ""
        begin = "" if self._begins else "\n"
        row = f"{begin}{time}{self._at:08x}  {self._row.hex(' '):<{3 * _ROW - 1}}  |{letters}|\n"
        self._at += len(self._row)
        self._row.clear()
        self._begins = True
        return row

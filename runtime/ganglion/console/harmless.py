# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device says, as text that does a terminal no harm: bytes in, text out.

A terminal obeys control sequences, and whoever is at the other end of a cable writes them: they set the clipboard and
the title of the window, have the terminal type answers, switch it to a mode that survives the console. What editors of
lines and programs with colours need goes through (`_MAY`); every other sequence is shown as what it is, with U+241B in
place of its ESC, and nothing is left out silently but NUL, which terminals leave out too.
"""

import codecs
import re

_ESC = "\x1b"
_AS_IS = frozenset("\a\b\t\n\r")
#: Cursor, erasing, inserting, deleting, scrolling by lines, colours and their like (ECMA-48 section 8.3), without
#: intermediates: none of them answers, and none outlives `RESET`.
_MAY = frozenset("@ABCDEFGHJKLMPSTXZ`adefmsu")
#: Those with exact parameters: show and hide the cursor, wrap lines; and the two reports whose answers are numbers,
#: which the editors of lines in firmware ask for, and which go back to the device.
_EXACT = frozenset({"?25h", "?25l", "?7h", "?7l", "5n", "6n"})
#: What takes back the colours, the hidden cursor and the lines that do not wrap.
RESET = "\x1b[0m\x1b[?25h\x1b[?7h"
_PARAMETERS = re.compile(r"[0-9;:?]{0,24}\Z")
#: What turns text around, so that it reads as something else: UAX #9.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Harmless:
    """One stream of bytes. A letter of UTF-8 or a sequence may be cut anywhere; what is neither is shown so."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""  # a sequence, from its ESC

    def text(self, data: bytes) -> str:
        """What may be shown now; what is not whole yet comes with the next."""
        out: list[str] = []
        for letter in self._decoder.decode(data):
            self._take(letter, out)
        return "".join(out)

    def rest(self) -> str:
        """What was begun and does not go on."""
        out: list[str] = []
        for letter in self._decoder.decode(b"", final=True):
            self._take(letter, out)
        out.append(self._begun.replace(_ESC, "\N{SYMBOL FOR ESCAPE}"))
        self._begun = ""
        return "".join(out)

    def _take(self, letter: str, out: list[str]) -> None:
        if not self._begun:
            if letter == _ESC:
                self._begun = letter
            else:
                out.append(visible(letter))
            return
        begun = self._begun + letter
        if begun in ("\x1b7", "\x1b8") or (begun.startswith("\x1b[") and len(begun) > 2 and _is_harmless(begun[2:])):
            self._begun = ""
            out.append(begun)
        elif begun == "\x1b[" or (begun.startswith("\x1b[") and _PARAMETERS.match(begun[2:])):
            self._begun = begun
        else:
            out.append(self._begun.replace(_ESC, "\N{SYMBOL FOR ESCAPE}"))
            self._begun = ""
            self._take(letter, out)


def _is_harmless(sequence: str) -> bool:
    parameters, final = sequence[:-1], sequence[-1]
    if sequence in _EXACT:
        return True
    # 3J erases what has scrolled away: what was said before
    plain = _PARAMETERS.match(parameters) is not None and "?" not in parameters
    return final in _MAY and plain and not (final == "J" and parameters.lstrip("0") == "3")


def visible(letter: str) -> str:
    """A letter as a terminal may have it."""
    if letter in _AS_IS:
        return letter
    code = ord(letter)
    if code < 0x20:
        return chr(0x2400 + code) if code else ""
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if 0x80 <= code < 0xA0:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if letter in _BIDI else letter

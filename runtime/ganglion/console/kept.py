# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shell says, line by line, without the secrets that are known: its echo is what was typed. Pure."""

import codecs

from ganglion.redacted import Entered

#: Letters of a line that is kept although it has not ended: a program that draws ends none.
_LONGEST = 4096


class Kept:
    """The lines of one shell, each held until it has ended: half of a name tells no secret."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._entered = Entered()
        self._line = ""

    def take(self, data: bytes) -> bytes:
        """What may be kept by now, of this and what was held."""
        *lines, self._line = (self._line + self._decoder.decode(data)).split("\n")
        kept = "".join(f"{self._without(line)}\n" for line in lines)
        return (kept.encode() + self.end()) if len(self._line) > _LONGEST else kept.encode()

    def end(self) -> bytes:
        """What is held, as nothing more comes of its line."""
        line, self._line = self._line, ""
        return self._without(line).encode() if line else b""

    def _without(self, line: str) -> str:
        ended = line.endswith("\r")
        return self._entered.line(line.removesuffix("\r")) + "\r" * ended

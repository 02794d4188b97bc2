# SPDX-License-Identifier: GPL-3.0-or-later
"""Offsets of a text, and the lines and characters that the Language Server Protocol counts instead (3.17, Position)."""

import re
from bisect import bisect_right
from collections.abc import Callable

from lsprotocol.types import Position, Range

_BREAK = re.compile(r"\r\n|\n|\r")


class Positions:
    """Of one text.

    Args:
        units: How many units a text has in the encoding that was agreed on: of UTF-16, unless the client wants another.
    """

    def __init__(self, text: str, units: Callable[[str], int]) -> None:
        self._text = text
        self._units = units
        breaks = [match.span() for match in _BREAK.finditer(text)]
        self._starts = [0, *(end for _, end in breaks)]
        self._ends = [*(start for start, _ in breaks), len(text)]

    def position(self, offset: int) -> Position:
        """Where an offset is; one inside the end of a line is at that end."""
        line = bisect_right(self._starts, offset) - 1
        return Position(line, self._units(self._text[self._starts[line] : min(offset, self._ends[line])]))

    def range(self, start: int, end: int) -> Range:
        """From one offset to another."""
        return Range(self.position(start), self.position(end))

    def offset(self, position: Position) -> int:
        """The offset of a position; one beyond the end of its line is at that end, as the protocol says."""
        if position.line >= len(self._starts):
            return len(self._text)
        start, end = self._starts[position.line], self._ends[position.line]
        left = position.character
        for offset in range(start, end):
            if left <= 0:
                return offset
            left -= self._units(self._text[offset])
        return end

    def at(self, line: int, column: int) -> int:
        """The offset of a place as diagnostics give it: line and column in characters, both from 1."""
        return min(self._starts[min(line, len(self._starts)) - 1] + column - 1, len(self._text))

    def line_end(self, offset: int) -> int:
        """The end of the line that an offset is in."""
        return self._ends[bisect_right(self._starts, offset) - 1]

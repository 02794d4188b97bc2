# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a device's log, in its memory, and on its console as they come."""

#: Lines that are kept, and letters of each.
LINES = 32
LETTERS = 120


class Log:
    """The log of one boot.

    Attributes:
        lines: Oldest first.
        count: How many there were in all.
    """

    def __init__(self, echo: bool = True) -> None:
        self.lines = []  # type: list[str]
        self.count = 0
        self._echo = echo

    def add(self, seconds: int, level: str, message: str) -> None:
        """A line: of a level `debug`, `info`, `warning` or `error`, so many seconds after the boot."""
        line = "{} {} {}".format(seconds, level, message)[:LETTERS]
        if len(self.lines) >= LINES:
            del self.lines[0]
        self.lines.append(line)
        self.count += 1
        if self._echo:
            print(line)

    def last(self, count: int, letters: int) -> "list[str]":
        """The newest lines, oldest first: at most so many, with so many letters together."""
        found = []  # type: list[str]
        for line in reversed(self.lines[-count:] if count > 0 else []):
            letters -= len(line.encode()) + 3
            if letters < 0:
                break
            found.insert(0, line)
        return found

    def since(self, count: int, letters: int) -> "tuple[list[str], int]":
        """The lines after the first so many, oldest first, with so many letters together; and how many those make.

        Of a count below 0 there are none.
        """
        if count < 0:
            return [], self.count
        first = self.count - len(self.lines)
        at = count if first <= count <= self.count else first
        found = []  # type: list[str]
        while at < self.count:
            line = self.lines[at - first]
            letters -= len(line.encode()) + 3
            if letters < 0:
                break
            found.append(line)
            at += 1
        return found, at

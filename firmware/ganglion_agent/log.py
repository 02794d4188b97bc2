# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a device's log, in its memory, and on its console as they come."""

#: Lines that are kept, and letters of each.
LINES = 32
LETTERS = 160


class Log:
    """The log of one boot.

    Attributes:
        lines: Oldest first.
        count: Lines so far, those that are gone too.
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

    def since(self, after: int, letters: int) -> "tuple[list[str], int]":
        """The oldest lines after so many, with so many letters together; how many there are up to the last of them."""
        at = self.count - len(self.lines)
        if at < after <= self.count:
            at = after
        found = []  # type: list[str]
        for line in self.lines[len(self.lines) - self.count + at :]:
            letters -= len(line.encode()) + 3
            if letters < 0:
                break
            found.append(line)
        return found, at + len(found)

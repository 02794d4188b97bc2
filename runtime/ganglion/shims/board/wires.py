# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins and the wires between them: who drives a net, what pulls it, and who hears its edges. No clock, no thread."""

from collections.abc import Callable
from typing import Any


class SimLine:
    """One pin of a simulated board. Its level is its net's."""

    def __init__(self, name: Any) -> None:
        self.name = name
        self.net = Net(self)
        self.output = False
        self.open_drain = False
        self.pull: int | None = None
        self.latch = 0
        self.outside: int | None = None
        self._edge: Callable[[int], None] | None = None

    def configure(self, *, output: bool, open_drain: bool, pull: int | None, level: int | None) -> None:
        self.output, self.open_drain, self.pull = output, open_drain, pull
        if level is not None:
            self.latch = level
        self.net.settle()

    def read(self) -> int:
        return self.net.level

    def write(self, level: int) -> None:
        self.latch = level
        self.net.settle()

    def drive(self, level: int | None) -> None:
        """What something outside the script drives it to: 0, 1, or None for nothing."""
        self.outside = level
        self.net.settle()

    def listen(self, edge: Callable[[int], None] | None) -> None:
        self._edge = edge

    def driven(self) -> list[int]:
        """The levels that this pin gives its net."""
        levels = [] if self.outside is None else [self.outside]
        if self.output and not (self.open_drain and self.latch):
            levels.append(self.latch)
        return levels

    def changed(self, level: int) -> None:
        if self._edge is not None:
            self._edge(level)


class Net:
    """Pins that are one wire. Who drives it low is stronger; nobody drives it: a pull-up, a pull-down, as it was."""

    def __init__(self, line: SimLine) -> None:
        self.lines = [line]
        self.level = 0

    def join(self, other: "Net") -> None:
        """Takes over another one's pins."""
        if other is self:
            return
        for line in other.lines:
            line.net = self
        self.lines += other.lines
        self.settle()

    def settle(self) -> None:
        """Finds the level, and tells every pin where it is another."""
        driven = [level for line in self.lines for level in line.driven()]
        pulls = [line.pull for line in self.lines if line.pull is not None]
        if driven:
            level = min(driven)
        elif pulls:
            level = max(pulls)
        else:
            level = self.level
        if level != self.level:
            self.level = level
            for line in list(self.lines):
                line.changed(level)

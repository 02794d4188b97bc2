# SPDX-License-Identifier: GPL-3.0-or-later
"""What the watchdog has to write when the node cannot: kept as the drivers say it, which may change with each write."""

import logging
from collections.abc import Mapping, Sequence

from ganglion.guardian.actuator import Actuator
from ganglion.guardian.raw import Raw
from ganglion.guardian.watchdog import Watchdog

_log = logging.getLogger(__name__)


class Watched:
    """The actuators of a node, for its watchdog.

    Args:
        watchdog: None for nobody.
        actuators: Name to actuator.
        order: In which they may be made safe.
    """

    def __init__(self, watchdog: Watchdog | None, actuators: Mapping[str, Actuator], order: Sequence[str]) -> None:
        self._watchdog = watchdog
        self._actuators = actuators
        self._order = order
        self._begun = False
        self._lost: set[str] = set()  # whose last write failed, or which the watchdog cannot write

    @property
    def needed(self) -> bool:
        """Whether somebody waits for `beat`."""
        return self._watchdog is not None

    def take_over(self) -> None:
        """Ends the watchdog of the node before, on a thread that may block."""
        if self._watchdog is not None:
            self._watchdog.take_over()

    def begin(self) -> None:
        """Tells the watchdog what it must write; again when that may be otherwise."""
        self._begun = True
        if self._watchdog is None:
            return
        writes: list[Raw] = []
        self._lost.clear()
        for name in self._order:
            actuator = self._actuators[name]
            try:
                writes += actuator.driver.raw(actuator.rule.limits.safe)
            except OSError as error:
                self._lost.add(name)
                _log.warning("actuator %s: %s; nobody makes it safe if this node is killed", name, error)
        self._watchdog.watch(writes)

    def wrote(self, name: str, *, failed: bool) -> None:
        """The node has written to one: it lives, and there may be another way to the actuator now."""
        if self._watchdog is not None:
            self._watchdog.say()
        if failed:
            self._lost.add(name)
        elif self._begun and name in self._lost:
            self.begin()

    def lost(self, name: str) -> None:
        """A write to one has failed: what the watchdog knows of it may lead nowhere."""
        self._lost.add(name)

    def beat(self) -> bool:
        """Says that the node lives; whether the watchdog had thought otherwise, and has made all safe."""
        return self._watchdog is not None and self._watchdog.beat()

    def leave(self, *, done: bool) -> None:
        """Ends it, as `Watchdog.leave`."""
        if self._watchdog is not None:
            self._watchdog.leave(done=done)

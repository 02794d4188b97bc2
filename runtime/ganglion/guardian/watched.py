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
        self._told: dict[str, list[Raw]] | None = None  # what the watchdog has to write for each, once it has begun

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
        if self._watchdog is None:
            return
        self._told = {}
        for name in self._order:
            try:
                self._told[name] = self._raw(name)
            except OSError as error:
                self._told[name] = []
                _log.warning("actuator %s: %s; nobody makes it safe if this node is killed", name, error)
        self._watchdog.watch([write for writes in self._told.values() for write in writes])

    def wrote(self, name: str) -> None:
        """The node has written to one, well or not: it lives, and the way to the actuator may be another now, or none.

        A line that the node has let go of stays busy until its watchdog has let go of it, too.
        """
        if self._watchdog is None:
            return
        self._watchdog.say()
        if self._told is None:
            return
        try:
            writes = self._raw(name)
        except OSError:
            writes = []
        if writes != self._told[name]:
            self.begin()

    def _raw(self, name: str) -> list[Raw]:
        actuator = self._actuators[name]
        return list(actuator.driver.raw(actuator.rule.limits.safe))

    def beat(self) -> bool:
        """Says that the node lives; whether the watchdog had thought otherwise, and has made all safe."""
        return self._watchdog is not None and self._watchdog.beat()

    def leave(self, *, done: bool) -> None:
        """Ends it, as `Watchdog.leave`."""
        if self._watchdog is not None:
            self._watchdog.leave(done=done)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be said again and again is said once in a while: a log that grows without end fills the disk."""

import time
from collections.abc import Callable

#: Seconds.
_EVERY = 60.0


class Seldom:
    """Says when a line of the log is due.

    Args:
        monotonic: Seconds of a clock that nobody sets.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._said: dict[str, float] = {}

    def due(self, what: str) -> bool:
        """Whether it was not said within the last minute; then it counts as said.

        Args:
            what: Tells the lines apart; one of a few words, for all are kept.
        """
        now = self._monotonic()
        if now - self._said.get(what, float("-inf")) < _EVERY:
            return False
        self._said[what] = now
        return True

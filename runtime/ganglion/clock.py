# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's clock: Unix time in nanoseconds that never goes back, as event timestamps must not."""

import time
from collections.abc import Callable

#: A wall clock this far ahead of ours was set (NTP, a person); nearer, it is the same clock with jitter.
_STEP = 1_000_000_000


class Clock:
    """Counts on with the monotonic clock from the wall clock at the start.

    When the wall clock is set forward (a board without a battery learns the time from NTP) this one follows. When it is
    set back this one goes on, since an event must not be stamped earlier than the one before it; the next start has the
    corrected time.
    """

    def __init__(
        self, *, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = self._first = wall() - monotonic()

    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
        monotonic = self._monotonic()
        offset = self._wall() - monotonic
        if offset > self._offset + _STEP:
            self._offset = offset
        return monotonic + self._offset

    def steady(self) -> int:
        """Nanoseconds that go on evenly, whoever sets the wall clock: those of `now`, until it was set."""
        return self._monotonic() + self._first

    def shift(self) -> int:
        """How many nanoseconds `now` is ahead of `steady`: how far the wall clock was set."""
        self.now()
        return self._offset - self._first

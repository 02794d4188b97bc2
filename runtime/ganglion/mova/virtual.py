# SPDX-License-Identifier: GPL-3.0-or-later
"""An event loop in virtual time: where a real one would wait, it jumps to when something is next."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

from ganglion.units import SECOND

#: Where virtual time begins unless it is said otherwise, in nanoseconds since the Unix epoch: 2026-01-01T00:00:00Z.
BEGINNING = 1_767_225_600 * SECOND


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop for what waits for time alone: nothing in it may wait for a socket or a thread.

    Args:
        beginning: Where time begins, in nanoseconds since the Unix epoch.

    Attributes:
        elapsed: Nanoseconds since it began.
        deadline: Says when somebody outside of the loop must be called, in nanoseconds of `now`; None for never.
        fire: Is called then.
    """

    def __init__(self, beginning: int = BEGINNING) -> None:
        self.beginning = beginning
        self.elapsed = 0
        self.deadline: Callable[[], int | None] = lambda: None
        self.fire: Callable[[int], object] = lambda now: None
        super().__init__(_Jumping(self))
        # A float counts seconds to the nanosecond for 194 days; what is nearer than this is due now
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds since it began."""
        return self.elapsed / SECOND

    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
        return self.beginning + self.elapsed

    def steady(self) -> int:
        """The same: nobody sets this clock."""
        return self.now()

    def shift(self) -> int:
        """So it never is."""
        return 0

    def jump(self, timeout: float | None) -> None:
        """Lets time go by, but not beyond the deadline."""
        target = None if timeout is None else self.elapsed + -int(-timeout * SECOND // 1)
        due = self.deadline()
        if due is not None and (target is None or due - self.beginning <= target):
            self.elapsed = max(self.elapsed, due - self.beginning)
            self.fire(self.now())
        elif target is not None:
            self.elapsed = target
        else:
            raise RuntimeError("nothing is left that time could bring about")


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[Any, int]] = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self._loop.jump(timeout)
        return ready

# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.Timer`."""

import time
from collections.abc import Callable
from typing import Any

from ganglion.shims.interrupts import INTERRUPTS
from ganglion.shims.timers import TIMERS, Alarm

_SECOND = 1_000_000_000
_numbered: dict[int, "Timer"] = {}


class Timer:
    """Calls a function after a time, once or again and again.

    Args:
        id: -1 for one of its own; a number is one timer, whoever asks for it.
        mode: ONE_SHOT or PERIODIC.
        period: Milliseconds; or
        freq: times per second.
        callback: Called with the timer.
        hard: It is called on the thread of the timers, not at the main thread's next step.

    Raises:
        ValueError: the time is not positive.
    """

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id: int = -1, **options: Any) -> None:
        self._alarm: Alarm | None = None
        if id >= 0:
            if (before := _numbered.get(id)) is not None and options:
                before.deinit()
            _numbered[id] = self
        if options:
            self.init(**options)

    def init(
        self,
        *,
        mode: int = PERIODIC,
        period: int = -1,
        freq: float | None = None,
        tick_hz: int = 1000,
        callback: Callable[["Timer"], object] | None = None,
        hard: bool = False,
    ) -> None:
        """Begins, and ends what was before."""
        self.deinit()
        nanoseconds = round(_SECOND / freq) if freq else period * _SECOND // tick_hz
        if nanoseconds <= 0:
            raise ValueError("period or freq must be positive")
        if callback is None:
            return
        INTERRUPTS.attach()

        def ring() -> None:
            if hard:
                callback(self)
            else:
                INTERRUPTS.fire(alarm, lambda timer: alarm.rings and callback(timer), self)

        alarm = self._alarm = Alarm(ring, nanoseconds if mode == self.PERIODIC else 0)
        TIMERS.add(alarm, time.monotonic_ns() + nanoseconds)

    def deinit(self) -> None:
        """Ends it: the function is not called any more."""
        if self._alarm is not None:
            self._alarm.rings = False
            self._alarm = None

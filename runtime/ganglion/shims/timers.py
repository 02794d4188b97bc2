# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls functions at their times, on one thread for all of them."""

import heapq
import itertools
import sys
import threading
import time
from collections.abc import Callable


class Timers:
    """What is due next is first. A call must not block."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Alarm]] = []
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, alarm: "Alarm", at: int) -> None:
        """Rings an alarm at a time of `time.monotonic_ns`."""
        with self._changed:
            heapq.heappush(self._due, (at, next(self._numbers), alarm))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic_ns():
                    wait = (self._due[0][0] - time.monotonic_ns()) / 1e9 if self._due else None
                    self._changed.wait(wait)
                at, _, alarm = heapq.heappop(self._due)
            if alarm.rings:
                try:
                    alarm.call()
                except Exception:  # of a script's own function: it is told, and the other alarms go on
                    sys.excepthook(*sys.exc_info())
                if alarm.period and alarm.rings:
                    self.add(alarm, at + alarm.period)


class Alarm:
    """A function that is called once, or again after each period in nanoseconds, until `rings` is False."""

    def __init__(self, call: Callable[[], None], period: int = 0) -> None:
        self.call = call
        self.period = period
        self.rings = True


#: One thread is enough.
TIMERS = Timers()

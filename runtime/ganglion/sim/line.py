# SPDX-License-Identifier: GPL-3.0-or-later
"""One GPIO line in memory: who sets it makes edges, and who waits for them gets every one."""

import errno
import threading
from collections.abc import Callable


class SimulatedLine:
    """An inactive line with nothing before it.

    Args:
        edges: `rising`, `falling` or `both`: which changes are told.
        now: Nanoseconds of the clock that stamps the edges.
    """

    def __init__(self, *, edges: str, now: Callable[[], int]) -> None:
        self._told = {"rising": (True,), "falling": (False,), "both": (True, False)}[edges]
        self._now = now
        self._state = False
        self._number = 0
        self._edges: list[tuple[bool, int, int]] = []
        self._interrupted = False
        self._changed = threading.Condition()

    def set(self, active: bool) -> None:
        """From any thread: what drives the line from now on."""
        with self._changed:
            if active == self._state:
                return
            self._state = active
            if active in self._told:
                self._number += 1
                self._edges.append((active, self._now(), self._number))
                self._changed.notify()

    def request(self) -> None:
        """Edges are numbered from 1 again; what nobody read is gone, as it is with a line of the kernel."""
        with self._changed:
            self._edges, self._number, self._interrupted = [], 0, False

    def value(self) -> bool:
        """Whether the line is active now."""
        return self._state

    def wait(self, timeout: int) -> list[tuple[bool, int, int]]:
        """The edges since the last call, once there is one; none after so many nanoseconds.

        Raises:
            OSError: ECANCELED, it was interrupted.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._edges or self._interrupted, max(timeout, 0) / 1e9)
            if self._interrupted:
                raise OSError(errno.ECANCELED, "interrupted")
            edges, self._edges = self._edges, []
            return edges

    def interrupt(self) -> None:
        """From any thread: `wait` raises soon, and until the next `request`."""
        with self._changed:
            self._interrupted = True
            self._changed.notify()

    def close(self) -> None:
        """The line is still driven; nobody listens."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Time since the boot, of a clock that nobody sets and that does not wrap."""

import time

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

MS = 1000000
SECOND = 1000000000


class Clock:
    """Counts milliseconds of the board's `ticks_ms`. It is asked more often than that wraps, in six days or more.

    Args:
        module: Has `ticks_ms` and `ticks_diff` as MicroPython's `time` has them; without these `monotonic`.
    """

    def __init__(self, module: "Any" = time) -> None:
        self._module = module
        self._wraps = hasattr(module, "ticks_ms")
        self._last = self._ticks()
        self._ms = 0

    def _ticks(self) -> int:
        return int(self._module.ticks_ms() if self._wraps else self._module.monotonic() * 1000)

    def ms(self) -> int:
        """Milliseconds."""
        now = self._ticks()
        self._ms += self._module.ticks_diff(now, self._last) if self._wraps else now - self._last
        self._last = now
        return self._ms

    def now(self) -> int:
        """Nanoseconds, in steps of a millisecond."""
        return self.ms() * MS

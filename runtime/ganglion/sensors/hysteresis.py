# SPDX-License-Identifier: GPL-3.0-or-later
"""A state with two thresholds and two patiences: it neither flickers at one level nor at one moment."""


class Hysteresis:
    """Becomes active once the value was at `high` or above for `after` steps in a row, and inactive once it was below
    `low` for `hold` steps in a row.

    Args:
        high, low: Thresholds; low is at most high.
        after: Steps, at least 1.
        hold: Steps, at least 1.
    """

    def __init__(self, *, high: float, low: float, after: int, hold: int) -> None:
        self._high = high
        self._low = low
        self._after = after
        self._hold = hold
        self._steps = 0
        self.active = False

    def add(self, value: float) -> bool:
        """Whether it is active, after one more step."""
        leaves = value < self._low if self.active else value >= self._high
        self._steps = self._steps + 1 if leaves else 0
        if self._steps >= (self._hold if self.active else self._after):
            self.active = not self.active
            self._steps = 0
        return self.active

# SPDX-License-Identifier: GPL-3.0-or-later
"""A token bucket: so many at once, so many a second after that."""

from ganglion.units import SECOND


class Bucket:
    """One allowance.

    Args:
        rate: Tokens a second.
        burst: Tokens at most.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: int) -> None:
        self._rate = rate
        self._burst = self._tokens = burst
        self._at = now

    def take(self, now: int) -> bool:
        """Whether there is one left; it is gone then."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate / SECOND)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def full(self, now: int) -> bool:
        """Whether it may be forgotten: a new one would say the same."""
        return self._tokens + (now - self._at) * self._rate / SECOND >= self._burst

# SPDX-License-Identifier: GPL-3.0-or-later
"""When to say again what everyone should know already: often after news, ever more rarely in peace (RFC 6206)."""

from collections.abc import Callable

from ganglion.units import MILLISECOND, SECOND

_IMIN = 500 * MILLISECOND
_IMAX = 16 * SECOND


class Trickle:
    """The timer of RFC 6206 section 4.2, with a redundancy constant of infinity: links here are few.

    Args:
        random: Uniform in [0, 1).
        shortest: Interval, in nanoseconds.
        longest: See there.

    Attributes:
        due: When to speak, in nanoseconds.
    """

    __slots__ = ("_end", "_interval", "_longest", "_random", "_shortest", "due")

    def __init__(self, random: Callable[[], float], now: int, *, shortest: int = _IMIN, longest: int = _IMAX) -> None:
        self._random = random
        self._shortest = shortest
        self._longest = longest
        self._begin(shortest, now)

    def _begin(self, interval: int, now: int) -> None:
        self._interval = interval
        self._end = now + interval
        self.due = now + interval // 2 + int(self._random() * (interval // 2))

    def start(self, now: int) -> None:
        """Begins with the shortest interval."""
        self._begin(self._shortest, now)

    def reset(self, now: int) -> None:
        """There is news."""
        if self._interval > self._shortest:
            self._begin(self._shortest, now)

    def spoken(self) -> None:
        """What was due is done: the next interval is twice as long, and begins where this one ends."""
        self._begin(min(2 * self._interval, self._longest), self._end)

# SPDX-License-Identifier: GPL-3.0-or-later
"""How often somebody may be wrong. Pure: time is an argument."""

from collections import OrderedDict

#: Addresses remembered; the one that was longest quiet goes first.
_KNOWN = 4096


class Failures:
    """Token buckets of failures, one an address and one for everybody.

    Args:
        most: Failures that an address may make at once.
        seconds: How long it takes until one of them is forgotten.
        everybody: How many times as much all addresses together may make.
    """

    def __init__(self, *, most: int = 10, seconds: float = 6.0, everybody: int = 10) -> None:
        self._most = most
        self._seconds = seconds
        self._everybody = everybody
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # failures, when they were so many
        self._all = (0.0, 0.0)

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try; 0 where it may. `now` is in monotonic seconds."""
        mine = self._level(self._buckets.get(address, (0.0, now)), now, self._seconds) - (self._most - 1)
        theirs = self._level(self._all, now, self._seconds / self._everybody) - (self._most * self._everybody - 1)
        return max(0.0, mine * self._seconds, theirs * self._seconds / self._everybody)

    def add(self, address: str, now: float) -> None:
        """This address was wrong."""
        level = self._level(self._buckets.pop(address, (0.0, now)), now, self._seconds)
        while len(self._buckets) >= _KNOWN:
            self._buckets.popitem(last=False)
        self._buckets[address] = (level + 1, now)
        self._all = (self._level(self._all, now, self._seconds / self._everybody) + 1, now)

    @staticmethod
    def _level(bucket: tuple[float, float], now: float, seconds: float) -> float:
        count, then = bucket
        return max(0.0, count - (now - then) / seconds)

# SPDX-License-Identifier: GPL-3.0-or-later
"""How often somebody may be wrong, and how often somebody may ask. Pure: time is an argument."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

#: Addresses remembered; the one that was longest quiet goes first.
_KNOWN = 4096


class Failures:
    """Token buckets of failures, one an address or account and one for everybody.

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

    def add(self, address: str, now: float, count: float = 1.0) -> None:
        """This address was wrong; -1 takes that back."""
        level = self._level(self._buckets.pop(address, (0.0, now)), now, self._seconds)
        while len(self._buckets) >= _KNOWN:
            self._buckets.popitem(last=False)
        self._buckets[address] = (max(0.0, level + count), now)
        self._all = (max(0.0, self._level(self._all, now, self._seconds / self._everybody) + count), now)

    @staticmethod
    def _level(bucket: tuple[float, float], now: float, seconds: float) -> float:
        count, then = bucket
        return max(0.0, count - (now - then) / seconds)


class Rate:
    """How many requests each may make: `burst` at once, then so many a second.

    By the generic cell rate algorithm: of each only the time is kept when all of its requests are through.
    """

    def __init__(self, *, each_second: float, burst: int) -> None:
        self._pause = 1.0 / each_second
        self._slack = burst * self._pause
        self._until: OrderedDict[str, float] = OrderedDict()

    def wait(self, who: str, now: float) -> float:
        """Seconds until they may ask again; 0 where this request may pass, which is counted then."""
        until = max(self._until.pop(who, now), now)
        late = until + self._pause - self._slack - now
        while len(self._until) >= _KNOWN:
            self._until.popitem(last=False)
        self._until[who] = until if late > 0 else until + self._pause
        return max(0.0, late)


def source(address: str) -> str:
    """What stands for whoever has an address: of IPv6 the /64, since each has that many."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(IPv6Address(int(known) >> 64 << 64))
    return str(known)

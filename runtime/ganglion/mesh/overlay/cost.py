# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hop costs: from hellos heard both ways, delay and class. 256 is a hop on which nothing is lost.

RFC 8966 section 3.4.3 and appendix A.2. Costs and metrics are 16 bits; 65535 is infinity.
"""

from ganglion.mesh.overlay.link import Link
from ganglion.units import MILLISECOND

INFINITY = 0xFFFF
UNIT = 256

_SLOTS = 16
#: Costs that an average is made of.
_MEMORY = 64
_MASK = (1 << _SLOTS) - 1

#: Delay up to which a WAN link costs nothing more, from which on it costs no more still, and how much that is
#: (in the manner of RFC 9616).
_RTT_MIN = 10 * MILLISECOND
_RTT_MAX = 200 * MILLISECOND
_RTT_COST = 256


class History:
    """Which of a neighbour's last 16 hellos came (RFC 8966 appendix A.1). Sequences are 16 bits and wrap."""

    __slots__ = ("_assumed", "bits", "count", "expected")

    def __init__(self) -> None:
        self.bits = 0
        self.count = 0
        self.expected = 0
        self._assumed = 0  # the newest slots, where only the time said that a hello was missed

    def hello(self, seq: int) -> bool:
        """One came; whether it is the latest. What a late one was counted as missed for is put right."""
        if not self.count:
            self.bits, self.count, self.expected = 1, 1, seq + 1 & 0xFFFF
            return True
        ahead = (seq - self.expected + 0x8000 & 0xFFFF) - 0x8000
        if abs(ahead) > _SLOTS:
            self.bits, self.count = 1, 1
        elif -self._assumed <= ahead < 0:
            # They were never sent: the neighbour was asleep, or busy. Else it would stay as many behind for ever.
            self.bits = self.bits >> -ahead << 1 & _MASK | 1
            self.count = max(0, self.count + ahead) + 1
        elif ahead < 0:
            self.bits |= 1 << -ahead - 1 & _MASK
            return False
        else:
            self.bits = (self.bits << ahead + 1 | 1) & _MASK
            self.count = min(_SLOTS, self.count + ahead + 1)
        self.expected, self._assumed = seq + 1 & 0xFFFF, 0
        return True

    def miss(self) -> None:
        """The one that was due did not come."""
        if self.count:
            self.bits = self.bits << 1 & _MASK
            self.count = min(_SLOTS, self.count + 1)
            self.expected = self.expected + 1 & 0xFFFF
            self._assumed = min(_SLOTS, self._assumed + 1)

    @property
    def missed(self) -> int:
        """Hellos missed in a row up to now."""
        return self.count if not self.bits else (self.bits & -self.bits).bit_length() - 1

    @property
    def received(self) -> float:
        """Share of hellos that came, 0 to 1."""
        return self.bits.bit_count() / self.count if self.count else 0.0


def reception(link: Link, history: History) -> int:
    """What receiving costs here: the rxcost that the neighbour is told."""
    if link.wired:
        seen = min(3, history.count)
        return UNIT if seen and (history.bits & 7).bit_count() * 3 >= 2 * seen else INFINITY
    share = history.received
    return min(INFINITY - 1, round(UNIT / share)) if share else INFINITY


def link_cost(link: Link, rxcost: int, txcost: int, rtt: int | None, measured: int | None = None) -> int:
    """What the hop costs.

    Args:
        rxcost: What receiving costs here.
        txcost: What the neighbour says receiving costs there.
        rtt: Smoothed round trip in nanoseconds, where one was measured.
        measured: What somebody else has measured, in place of all these. Whether there is a way at all, the hellos say.
    """
    if rxcost >= INFINITY or txcost >= INFINITY:
        return INFINITY
    if measured is not None:
        return min(measured + link.penalty, INFINITY - 1)
    cost = max(link.cost_floor, 0 if link.wired else max(UNIT, txcost) * rxcost // UNIT) + link.penalty
    if link.wan and rtt is not None:
        cost += _RTT_COST * (min(max(rtt, _RTT_MIN), _RTT_MAX) - _RTT_MIN) // (_RTT_MAX - _RTT_MIN)
    return min(cost, INFINITY - 1)


class Average:
    """A cost, smoothed: the mean of the first, then an exponentially weighted one. Infinity comes and goes at once.

    Sixteen hellos tell the loss of a link to a quarter of itself, which is more than the tenth by which routes are
    compared; a minute of them does better. What is twice as dear as it was does not wait for that.
    """

    __slots__ = ("_count", "value")

    def __init__(self) -> None:
        self.value = float(INFINITY)
        self._count = 0

    def add(self, cost: int) -> None:
        """The cost as measured now, twice a second or so."""
        if cost >= INFINITY or self.value >= INFINITY:
            self.value, self._count = float(cost), 1
            return
        self._count = min(_MEMORY, self._count + 1)
        far = not self.value < 2 * cost < 4 * self.value
        self.value += (cost - self.value) / (min(8, self._count) if far else self._count)

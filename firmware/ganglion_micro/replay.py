# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages of a sender were seen already. Everything here is asked after the signature has been verified.

Two rules (design: E4). Commands are strict: never an epoch below the highest, never a sequence twice, never one that
is so old that nobody can tell. Data and events are idempotent: an old epoch may still arrive from a spool, and what
is too old to tell is said to be so, for the database to decide.
"""

#: Sequences a window reaches back. RFC 6479 counts 64 for IPsec's one ordered stream; here a sender's replies and
#: requests share a sequence and come over two subscriptions, which NATS may swap by tens of milliseconds.
SIZE = 1024
#: Epochs of one sender that are remembered for data. More reboots than that within one outage go to the database.
EPOCHS = 4

_MASK = (1 << SIZE) - 1

FRESH = 0
SEEN = 1
LATE = 2


class Window:
    """A sliding window over sequences (after RFC 6479). 150 bytes."""

    __slots__ = ("bits", "top")

    def __init__(self) -> None:
        self.top = 0
        self.bits = 0

    def add(self, seq: int) -> int:
        """FRESH and now seen, SEEN before, or LATE: below the window, nobody knows."""
        ahead = seq - self.top
        if ahead > 0:
            self.bits = (self.bits << ahead | 1) & _MASK if ahead < SIZE else 1
            self.top = seq
            return FRESH
        if ahead <= -SIZE:
            return LATE
        bit = 1 << -ahead
        if self.bits & bit:
            return SEEN
        self.bits |= bit
        return FRESH

    def discard(self, seq: int) -> None:
        """It is as if it had not come: what followed from it failed."""
        behind = self.top - seq
        if 0 <= behind < SIZE:
            self.bits &= ~(1 << behind)


class Strict:
    """Commands and answers of one sender: class C."""

    __slots__ = ("epoch", "window")

    def __init__(self) -> None:
        self.epoch = 0
        self.window = Window()

    def add(self, epoch: int, seq: int) -> bool:
        """Whether it may be believed; it is seen from now on."""
        if epoch < self.epoch:
            return False
        if epoch > self.epoch:
            self.epoch = epoch
            self.window = Window()
        return self.window.add(seq) == FRESH


class Idempotent:
    """Data and events of one sender: class D, over the last `EPOCHS` epochs."""

    __slots__ = ("_windows", "epoch")

    def __init__(self) -> None:
        self.epoch = 0
        self._windows: "dict[int, Window]" = {}

    def add(self, epoch: int, seq: int) -> int:
        """FRESH and now seen, SEEN before, or LATE: too old for the windows that are kept."""
        window = self._windows.get(epoch)
        if window is None:
            if len(self._windows) >= EPOCHS:
                oldest = min(self._windows)
                if epoch < oldest:
                    return LATE
                del self._windows[oldest]
            window = self._windows[epoch] = Window()
            if epoch > self.epoch:
                self.epoch = epoch
        return window.add(seq)

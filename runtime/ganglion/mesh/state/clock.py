# SPDX-License-Identifier: GPL-3.0-or-later
"""Hybrid logical clock: stamps that follow the clock on the wall, and never fall behind what they replace.

After Kulkarni et al., "Logical Physical Clocks" (2014). A stamp is milliseconds since the Unix epoch times 2^16 plus a
logical count, so stamps compare as integers and a count that overflows carries into the milliseconds.

Two things differ from the paper, both so that one wrong clock harms nobody else. There is no clock of the replica that
received stamps push forward: a stamp is above those that its own write replaces, and an author who stamps ahead of
time moves only the keys that it may write. And what is more than `DRIFT` ahead is refused, where the receiver has a
clock to tell.
"""

from collections.abc import Iterable

from ganglion.mesh.standing import clock_valid
from ganglion.units import MILLISECOND, SECOND

#: How far ahead of the receiver's clock a stamp may be, in nanoseconds.
DRIFT = 300 * SECOND
#: A stamp from then on is ahead of every clock, also of one that was never set: the sum below stays within 64 bits.
_END = 4_102_444_800 * SECOND  # 2100-01-01
_LOGICAL = 16


def stamp(now: int, replaced: Iterable[int]) -> int:
    """The stamp of a write.

    Args:
        now: Nanoseconds since the Unix epoch, however wrong.
        replaced: Stamps of what the write replaces.
    """
    return max(now // MILLISECOND << _LOGICAL, max(replaced, default=-1) + 1)


def time_of(stamp: int) -> int:
    """The physical part, in nanoseconds since the Unix epoch."""
    return (stamp >> _LOGICAL) * MILLISECOND


def ahead(stamp: int, now: int) -> int:
    """Nanoseconds until a stamp may be taken; 0 where it may be now.

    A receiver whose clock was never set cannot judge, so it takes what comes: without that it would know no peer until
    a time server has answered. When its clock is set, `Replica.tick` looks again.
    """
    time = time_of(stamp)
    if time >= _END or (clock_valid(now) and time > now + DRIFT):
        return max(1, time - DRIFT - now)
    return 0

# SPDX-License-Identifier: GPL-3.0-or-later
"""clock: Unix time that never goes back."""

from hypothesis import given
from hypothesis import strategies as st

from ganglion.clock import Clock

SECOND = 1_000_000_000


class Hands:
    """A wall clock that people set, beside a monotonic one that nobody can."""

    def __init__(self) -> None:
        self.elapsed = 5 * SECOND
        self.set_to = 1_000 * SECOND

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.set_to + self.elapsed, monotonic=lambda: self.elapsed)


def test_it_follows_a_wall_clock_that_is_set_forward():
    hands = Hands()
    clock = hands.clock()
    assert clock.now() == 1_005 * SECOND
    hands.set_to += 3600 * SECOND
    assert clock.now() == 4_605 * SECOND


def test_it_goes_on_when_the_wall_clock_is_set_back():
    hands = Hands()
    clock = hands.clock()
    hands.set_to -= 3600 * SECOND
    hands.elapsed += SECOND
    assert clock.now() == 1_006 * SECOND


@given(st.lists(st.tuples(st.integers(0, 10 * SECOND), st.integers(-(10**15), 10**15))))
def test_it_never_goes_back(steps):
    hands = Hands()
    clock = hands.clock()
    last = clock.now()
    for elapsed, step in steps:
        hands.elapsed += elapsed
        hands.set_to += step
        assert clock.now() >= last + elapsed
        last = clock.now()

# SPDX-License-Identifier: GPL-3.0-or-later
"""hysteresis: noise begins at one level and ends at another, and only after its time."""

from hypothesis import given
from hypothesis import strategies as st

from ganglion.sensors.hysteresis import Hysteresis


def states(values, **how):
    state = Hysteresis(**how)
    return "".join("#" if state.add(value) else "." for value in values)


def test_it_begins_high_and_ends_low_after_the_hold():
    assert states([0, 9, 10, 9, 6, 4, 6, 4, 4, 4], high=10, low=5, after=1, hold=2) == "..######.."


def test_it_begins_only_after_some_in_a_row():
    assert states([10, 10, 0, 10, 10, 10, 0], high=10, low=5, after=3, hold=1) == ".....#."


@given(st.lists(st.floats(-120, 3)), st.integers(1, 5), st.integers(1, 5))
def test_between_the_thresholds_nothing_changes(values, after, hold):
    state = Hysteresis(high=-20, low=-26, after=after, hold=hold)
    for value in values:
        before = state.active
        changed = state.add(value) != before
        assert not (changed and -26 <= value < -20)

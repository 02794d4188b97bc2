# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: ticks, which wrap at 2**30, and the script's clock."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.shims import clock
from ganglion.shims.modules import time
from ganglion.shims.modules.machine import RTC

PERIOD = 1 << 30
TICKS = st.integers(0, PERIOD - 1)


@pytest.fixture(autouse=True)
def _own_clock() -> Iterator[None]:
    yield
    clock.set_offset(0)


@given(TICKS, st.integers(-PERIOD // 2 + 1, PERIOD // 2 - 1))
def test_a_difference_is_what_was_added_also_over_the_end(start: int, delta: int) -> None:
    end = time.ticks_add(start, delta)
    assert 0 <= end < PERIOD
    assert time.ticks_diff(end, start) == delta


@given(TICKS, TICKS)
def test_a_difference_is_the_shorter_way_round(end: int, start: int) -> None:
    assert -PERIOD // 2 <= time.ticks_diff(end, start) < PERIOD // 2
    assert (start + time.ticks_diff(end, start)) % PERIOD == end


@pytest.mark.parametrize("delta", [PERIOD // 2, -PERIOD // 2, PERIOD, 1 << 40])
def test_half_a_period_is_too_much_to_add(delta: int) -> None:
    with pytest.raises(OverflowError, match="ticks interval overflow"):
        time.ticks_add(0, delta)


@given(st.integers(0, 4_000_000_000))
def test_a_date_has_eight_numbers_and_leads_back(seconds: int) -> None:
    date = time.localtime(seconds)
    assert len(date) == 8
    assert 0 <= date[6] <= 6
    # In an hour that comes twice a year a date has two times
    assert abs(time.mktime(date) - seconds) in (0, 3600)


def test_the_clock_that_a_script_sets_is_its_own() -> None:
    RTC().datetime((2031, 5, 6, 0, 7, 8, 9, 0))
    assert time.localtime()[:5] == (2031, 5, 6, 7, 8)
    date = RTC().datetime()
    assert date is not None
    assert date[:4] == (2031, 5, 6, 1)  # a Tuesday
    RTC().deinit()
    assert time.localtime()[0] != 2031

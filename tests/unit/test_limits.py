# SPDX-License-Identifier: GPL-3.0-or-later
"""limits: what one actuator may be told, and when."""

import pytest

from ganglion_micro.limits import Limits, State, on_until, refusal, same

S = 1_000_000_000


@pytest.mark.parametrize(
    ("limits", "value", "says"),
    [
        (Limits(), True, ""),
        (Limits(), 1, "must be true or false, not 1"),
        (Limits(low=0, high=100), 100, ""),
        (Limits(low=0, high=100), 0.5, ""),
        (Limits(low=0, high=100), 101, "must be 0 to 100, not 101"),
        (Limits(low=0, high=100), True, "must be a number, not True"),
        (Limits(low=0, high=100), float("nan"), "must be a number"),
        (Limits(low=0, high=100), "50", "must be a number, not '50'"),
        (Limits(values=("off", "eco")), "eco", ""),
        (Limits(values=("off", "eco")), "max", "must be one of 'off', 'eco', not 'max'"),
        (Limits(values=(0, 1)), True, "must be one of 0, 1, not True"),
    ],
)
def test_a_value_that_never_fits_is_named(limits, value, says):
    reason = limits.misfit(value)
    assert reason.startswith(says)
    assert bool(reason) == bool(says)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"low": 0}, "low and high belong together"),
        ({"low": 5, "high": 5}, "low must be below high"),
        ({"low": 0, "high": 1, "values": (1,)}, "values and a range exclude each other"),
        ({"max_step": 1}, "max_step needs low and high"),
        ({"low": 0, "high": 1, "rate": 0}, "rate must be above 0"),
        ({"low": 0, "high": 1, "safe": 2}, "fail_safe must be 0 to 1, not 2"),
        ({"off": 3}, "off must be true or false"),
        ({"min_on": 2 * S, "max_on": S}, "max_on must be above 0 and not below min_on"),
        ({"max_on": S, "safe": True}, "max_on needs a fail_safe that is off"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(wrong, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        Limits(**wrong)


@pytest.mark.parametrize(
    ("limits", "off"),
    [(Limits(), False), (Limits(low=-5, high=5), 0), (Limits(low=10, high=20), 10), (Limits(values=("a", "b")), "a")],
)
def test_off_is_what_one_would_guess(limits, off):
    assert same(limits.off, off)
    assert same(limits.safe, off)


def test_minimum_times_count_from_the_last_switching_and_to_the_nanosecond():
    limits = Limits(min_on=5 * S, min_off=3 * S)
    state = State(False, 0, 0)
    assert refusal(limits, state, True, 3 * S - 1) == "it must stay off for 0.001 s more (min_off)"
    assert refusal(limits, state, True, 3 * S) == ""
    state.change(limits, True, 3 * S)
    assert refusal(limits, state, False, 4 * S) == "it must stay on for 4 s more (min_on)"
    assert refusal(limits, state, True, 4 * S) == ""
    assert refusal(limits, state, False, 8 * S) == ""


@pytest.mark.parametrize(
    ("left", "says"),
    [(250 * S // 1000, "0.25 s"), (60 * S, "1m"), (3519 * S + 1, "58m40s"), (3600 * S, "1h"), (90061 * S, "25h1m1s")],
)
def test_what_is_left_is_said_as_people_write_it_and_is_not_over_before(left, says):
    limits = Limits(min_off=100 * 3600 * S)
    state = State(False, 0, 0)
    assert refusal(limits, state, True, 100 * 3600 * S - left) == f"it must stay off for {says} more (min_off)"


def test_changing_the_value_while_on_does_not_begin_the_times_anew():
    limits = Limits(low=0, high=100, min_on=5 * S, max_on=20 * S)
    state = State(0, 0, 0)
    state.change(limits, 10, 1 * S)
    state.change(limits, 90, 4 * S)
    assert refusal(limits, state, 0, 6 * S) == ""
    assert on_until(limits, state) == 21 * S


def test_a_step_and_a_rate_bound_the_change_of_a_number():
    limits = Limits(low=0, high=100, max_step=20, rate=10)
    state = State(0, 0, 0)
    assert refusal(limits, state, 21, 60 * S) == "a change of 21 at once is more than 20 (max_step)"
    assert refusal(limits, state, 20, 2 * S) == ""
    assert refusal(limits, state, 20, S) == "a change of 20 within 1 s is faster than 10 a second (rate)"


def test_true_is_not_one():
    assert not same(True, 1)
    assert not same(0, False)
    assert same(1, 1.0)

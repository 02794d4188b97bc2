# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of actuators: a history of commands, and the sentence that each refusal is."""

from ganglion_micro.limits import Limits, State, on_until, refusal
from support.dice import Dice

SECOND = 1000000000

dice = Dice(5)
kinds = [
    Limits(min_on=2 * SECOND, min_off=3 * SECOND, max_on=5 * SECOND),
    Limits(low=0, high=100, max_step=25, rate=12.5),
    Limits(low=-1.5, high=1.5, rate=0.25, min_off=SECOND),
    Limits(values=("off", "low", "high"), min_on=SECOND),
]
wild = [True, False, 0, 1, -2, 2.5, 40, 99.75, 101, "off", "high", "north", None]
for limits in kinds:
    now = 1763683200000000000
    state = State(limits.safe, now, now)
    for _ in range(150):
        now += dice.throw(1500) * 1000000
        value = dice.one_of(wild)
        reason = limits.misfit(value) or refusal(limits, state, value, now)
        if not reason:
            state.change(limits, value, now)
            assert limits.misfit(state.value) == ""
        until = on_until(limits, state)
        assert until is None or until == state.switched + 5 * SECOND
        print(value, state.value, reason)
for wrong in ({"low": 1}, {"low": 2, "high": 1}, {"rate": 1}, {"max_on": 0}, {"values": ("a",), "off": "b"}):
    try:
        Limits(**wrong)
    except ValueError as error:
        print(error)
    else:
        raise AssertionError(wrong)
HOUR = 3600 * SECOND
night = Limits(low=0, high=9, min_on=600 * SECOND, quiet=((22 * HOUR, 7 * HOUR), (13 * HOUR, 14 * HOUR)), quiet_max=2)
for _ in range(150):
    day = dice.one_of([None, 0, 7 * HOUR - 1, 7 * HOUR, 13 * HOUR - 300 * SECOND, 13 * HOUR, 21 * HOUR, 22 * HOUR])
    state = State(dice.one_of([0, 1, 9]), -dice.throw(900) * SECOND, 0)
    value = dice.one_of([0, 1, 2, 3, 9])
    print(day, night.is_quiet(day), night.quiet_in(day), night.is_loud(value), refusal(night, state, value, 0, day))
    state.change(night, value, 5)
    state.lose()
    state.settle(7)
    assert (state.switched, state.moved, state.certain) == (7, 7, True)

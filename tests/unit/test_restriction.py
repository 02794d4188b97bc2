# SPDX-License-Identifier: GPL-3.0-or-later
"""restriction: the actuator's own limits, its board's, the fleet's; nothing becomes laxer than any side wants it."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.guardian.actuator import build
from ganglion.guardian.restriction import Restriction, Side
from ganglion.guardian.words import Risk
from ganglion.settings import read
from ganglion_micro.limits import DAY, State, on_until, refusal

S = 1_000_000_000
SECONDS = st.integers(0, 9)
AMOUNT = st.sampled_from([0.5, 1, 5, 20])
#: Keys as tables write them; each may be absent.
LIMITS = {
    "min_on": SECONDS.map(lambda s: f"{s}s"),
    "min_off": SECONDS.map(lambda s: f"{s}s"),
    "max_on": st.integers(1, 9).map(lambda s: f"{s}s"),
    "max_silence": st.integers(1, 9).map(lambda s: f"{s}s"),
    "quiet_hours": st.lists(st.sampled_from(["22:00-07:00", "13:00-14:00", "06:00-13:30"]), min_size=1, max_size=2),
    "risk": st.sampled_from(list(Risk)).map(str),
}
NUMBERS = {"max_step": AMOUNT, "rate": AMOUNT, "low": st.integers(-3, 2), "high": st.integers(3, 9)}


def made(table, *limits, sources=("its board", "fleet 7")):
    sides = [
        Side(source, [read(Restriction, {"where": {"driver": "sim"}, **limit}, "limit")])
        for source, limit in zip(sources, limits, strict=False)
    ]
    return build("thing", {"driver": "sim", **table}, sides=sides).rule


def board(*limits):
    return [Side("its board", limits)]


def tables(keys):
    return st.fixed_dictionaries({}, optional=keys)


@given(
    numbers=st.booleans(),
    data=st.data(),
    ages=st.tuples(SECONDS, SECONDS),
    day=st.none() | st.integers(0, 23).map(lambda hour: hour * DAY // 24),
)
def test_what_all_allow_each_allows(numbers, data, ages, day):
    keys = LIMITS | NUMBERS | {"quiet_max": st.integers(0, 5)} if numbers else LIMITS
    base = {"low": -5, "high": 10} if numbers else {}
    own, boards, fleets = (data.draw(tables(keys)) for _ in range(3))
    for table in (own, boards, fleets):
        if "quiet_hours" not in table:
            table.pop("quiet_max", None)
    try:
        alone, both = made(base | own), made(base | own, boards, fleets)
        others = [made(base | {"risk": "read"} | each) for each in (boards, fleets)]
    except InvalidError:
        assume(False)  # it contradicts itself, and says so
    assert both.limits.off == alone.limits.off
    value = data.draw(st.integers(-6, 11) if numbers else st.booleans())
    before = data.draw(st.integers(-5, 10) if numbers else st.booleans())
    state = State(before, -ages[0] * S, -ages[1] * S)
    if not both.limits.misfit(value) and not refusal(both.limits, state, value, 0, day):
        for each in (alone, *others):
            assert not each.limits.misfit(value)
            assert not refusal(each.limits, state, value, 0, day)
    for each in (alone, *others):
        if (end := on_until(each.limits, state)) is not None:
            assert on_until(both.limits, state) <= end
        if each.max_silence is not None:
            assert both.max_silence <= each.max_silence
        assert list(Risk).index(both.risk) >= list(Risk).index(each.risk)
        if each.limits.is_quiet(day) and each.limits.is_loud(before):
            assert both.limits.is_quiet(day)
            assert both.limits.is_loud(before)
    again = made(base | own, fleets, boards, sources=("fleet 7", "its board"))
    assert as_plain(again) == as_plain(both), "who is first makes no difference"
    for key, source in both.sources.items():
        table = {"node": base | {"risk": "low"} | own, "its board": boards, "fleet 7": fleets}
        assert all(key in table[each] for each in source.split(", "))


def as_plain(rule):
    limits = vars(rule.limits) | {"quiet": sorted(rule.limits.quiet)}
    return limits, rule.max_silence, rule.risk


def test_a_limit_is_for_what_it_names_and_for_nothing_else():
    limit = Restriction(where={"driver": "pwm", "channel": 1}, max_on=5 * S)
    table = {"driver": "pwm", "channel": 1}
    assert build("fan", table, sides=board(limit)).rule.limits.max_on == 5 * S
    assert build("fan", {**table, "channel": 0}, sides=board(limit)).rule.limits.max_on is None
    assert build("fan", {"driver": "sim"}, sides=board(limit)).rule.limits.max_on is None
    ranged = Restriction(where={"high": 9.0}, rate=1.0)
    table = {"driver": "sim", "low": 0, "high": 9}
    narrowed = board(Restriction(where={"driver": "sim"}, high=5.0), ranged)
    assert build("fan", table, sides=narrowed).rule.limits.rate == 1, "it is the table that is looked at"
    table = {"driver": "pwm", "channel": 1}
    named = replace(limit, where={"name": "fan"})
    assert build("fan", {"driver": "sim"}, sides=board(named)).rule.limits.max_on == 5 * S
    assert build("van", {"driver": "sim"}, sides=board(named)).rule.limits.max_on is None
    assert (
        build("fan", {"driver": "pwm"}, sides=board(replace(limit, where={"channel": False}))).rule.limits.max_on
        is None
    )


@pytest.mark.parametrize(
    ("table", "limit", "says"),
    [
        ({}, {"low": 0, "high": 1}, "actuator.thing: a limit of its board gives it a range, and it takes no numbers"),
        ({"low": 0, "high": 9}, {"values": [1]}, "actuator.thing: it takes numbers, and a limit of its board"),
        ({"values": ["a", "b"]}, {"values": ["c"]}, "actuator.thing: a limit of its board leaves none of its values"),
        ({"low": 5, "high": 9}, {"high": 4}, "actuator.thing: low must be below high"),
        ({"low": 0, "high": 9, "fail_safe": 8}, {"high": 4}, "actuator.thing: fail_safe must be 0 to 4, not 8"),
        ({"min_on": "9s"}, {"max_on": "5s"}, "actuator.thing: max_on must be above 0 and not below min_on"),
        ({}, {"where": {}}, "limit: where says whose limits these are"),
        ({}, {"max_onn": "5s"}, "limit.max_onn: unknown key; did you mean"),
        ({}, {"risk": "some"}, "limit: risk must be one of read, low, confirm, never"),
        ({}, {"high": float("nan")}, "limit: high must be a number"),
        ({}, {"rate": float("nan")}, "limit: rate must be above 0"),
        ({}, {"low": 2, "high": 2}, "limit: low must be below high"),
        ({}, {"min_on": "9s", "max_on": "5s"}, "limit: max_on must not be below min_on"),
        ({}, {"quiet_hours": ["22-7"]}, "limit: quiet_hours: '22-7' is no time of day"),
    ],
)
def test_what_cannot_be_is_said(table, limit, says):
    with pytest.raises(InvalidError) as caught:
        made(table, limit)
    assert str(caught.value).startswith(says)


def test_values_that_both_allow_are_left():
    assert made({"values": ["off", "eco", "max"]}, {"values": ["max", "off"]}).limits.values == ("off", "max")

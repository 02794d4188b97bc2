# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: what thins a stream of values, or sums it up, before Python hears of it."""

import math
from array import array

import pytest

from ganglion.bus import Bus, Filter, Op, Statistic, Where, Window
from ganglion.units import SECOND


@pytest.fixture(params=["native", "python"])
def bus(request) -> Bus:
    return Bus(backend=request.param)


def told(bus: Bus, where: Where, *steps: tuple[int, object], until: int = 10**6) -> list[tuple[int, object]]:
    """(time, value) of what a subscription to `t` is told, when these values come at these times."""
    events: list[tuple[int, object]] = []
    bus.subscribe("t", lambda event: events.append((event.timestamp, event.value)), where=where)
    for now, value in steps:
        bus.emit("t", value, timestamp=now)
    bus.advance(until)
    return events


def test_a_deadband_tells_what_moved_from_what_was_told_last(bus):
    where = Where(op=Op.MOVES, low=0.5)
    steps = [(0, 20.0), (1, 20.3), (2, 20.5), (3, 20.6), (4, 20.2), (5, 20.0), (6, math.nan), (7, "x")]
    assert told(bus, where, *steps) == [(0, 20.0), (3, 20.6), (5, 20.0)]


def test_a_throttle_is_a_cooldown(bus):
    assert told(bus, Where(cooldown=10), (0, 1), (9, 2), (10, 3), (15, 4)) == [(0, 1), (10, 3)]


def test_debounce_tells_the_last_of_a_burst_when_it_is_over(bus):
    where = Where(debounce=5)
    steps = [(0, "a"), (3, "b"), (7, "c"), (20, "d")]
    assert told(bus, where, *steps) == [(12, "c"), (25, "d")]


def test_debounce_takes_glitches_out(bus):
    where = Where(op=Op.ABOVE, low=8, debounce=5)
    assert told(bus, where, (0, 9.0), (3, 1.0), (4, 2.0), (20, 10.0), (23, 11.0)) == [(28, 11.0)]


def test_to_stay_is_silence_for_the_debounce_of_a_change(bus):
    assert told(bus, Where(op=Op.CHANGES, debounce=5), (0, 1.0), (1, 2.0), (3, 2.0)) == [(6, 2.0)]
    moves = Where(op=Op.MOVES, low=1, debounce=5)
    assert told(bus, moves, (20, 1.0), (30, 3.0), (32, 1.5)) == [(25, 1.0), (35, 3.0)]


@pytest.mark.parametrize("lasting", [0, 1])
def test_what_becomes_true_in_the_cooldown_and_stays_fires_at_its_end(bus, lasting):
    where = Where(op=Op.ABOVE, low=30, edge=True, lasting=lasting, cooldown=10)
    first = lasting  # when it fires for the first time
    assert told(bus, where, (0, 31.0), (2, 20.0), (3, 31.0), (4, 33.0), (40, 32.0)) == [
        (first, 31.0),
        (first + 10, 33.0),
    ]
    assert told(bus, where, (100, 31.0), (102, 20.0), (103, 31.0), (104, 1.0), (140, 1.0)) == [(100 + first, 31.0)]


def test_a_window_of_time_begins_anew_after_a_gap(bus):
    where = Where(op=Op.ABOVE, low=30, edge=True, window=Window(statistic=Statistic.MEAN, span=10))
    cold = [(at, 20.0) for at in range(12)]
    assert told(bus, where, *cold, (3600, 31.0), (3605, 31.0)) == []
    assert told(bus, where, *((at, 31.0) for at in range(5000, 5020, 5))) == [(5010, 31.0)]


def test_a_sample_is_the_latest_of_each_time_that_has_any(bus):
    where = Where(sample=10)
    steps = [(0, {"n": 0}), (4, {"n": 1}), (9, {"n": 2}), (30, {"n": 3})]
    assert told(bus, where, *steps) == [(10, {"n": 2}), (40, {"n": 3})]


def test_what_was_due_before_an_event_is_told_before_it(bus):
    """However late somebody looks: a condition that lasted long enough has, though the next value ends it."""
    where = Where(op=Op.ABOVE, low=8, edge=True, lasting=5)
    assert told(bus, where, (0, 9.0), (50, 1.0)) == [(5, 9.0)]
    times = array("q", [60, 63, 90, 91])
    heard = []
    with bus.subscribe("t", lambda event: heard.append((event.timestamp, event.value)), where=Where(sample=10)):
        bus.emit_many(array("i", [bus.topic("t")] * 4), array("d", [1, 2, 3, 4]), times)
        assert heard == [(70, 2)]
        assert bus.deadline == 100
    assert bus.deadline is None


def test_the_mean_of_ten_seconds_above_a_limit_for_a_minute(bus):
    where = Where(
        op=Op.ABOVE,
        low=30,
        edge=True,
        lasting=60 * SECOND,
        window=Window(statistic=Statistic.MEAN, span=10 * SECOND),
    )
    warm = [(i * SECOND, 29.0 if i % 2 else 33.0) for i in range(120)]
    assert told(bus, where, *warm, until=0) == [(70 * SECOND, 31.0)]


def test_a_window_tells_its_statistic_and_others_the_value(bus):
    both: list[float] = []
    bus.subscribe("t", lambda event: both.append(event.value), priority=2)
    where = Where(window=Window(statistic=Statistic.MEAN, count=2))
    assert told(bus, where, (0, 1), (1, 2), (2, math.nan), (3, 6)) == [(1, 1.5), (3, 4.0)]
    assert both[:2] + both[3:] == [1, 2, 6]


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (Statistic.COUNT, [1, 2, 3, 3]),
        (Statistic.MEAN, [4, 5]),
        (Statistic.LEAST, [1, 1]),
        (Statistic.GREATEST, [8, 8]),
        (Statistic.DEVIATION, [math.sqrt(26 / 3), math.sqrt(26 / 3)]),
        (Statistic.RATE, [2.5, -1]),
    ],
)
def test_the_statistics(bus, statistic, expected):
    where = Where(window=Window(statistic=statistic, count=3))
    steps = [(0, 3), (SECOND, 1), (2 * SECOND, 8), (3 * SECOND, 6)]
    if statistic is not Statistic.COUNT:
        steps[3] = (3 * SECOND, {Statistic.DEVIATION: 3, Statistic.RATE: -1}.get(statistic, 6))
    assert [value for _, value in told(bus, where, *steps)] == expected


def test_a_count_is_of_values_of_any_kind(bus):
    where = Where(op=Op.ABOVE, low=2, edge=True, window=Window(statistic=Statistic.COUNT, span=60))
    steps = [(0, "open"), (30, "open"), (70, "open"), (80, "open"), (90, "open")]
    assert told(bus, where, *steps) == [(80, 3.0)]


def test_a_window_forgets_the_oldest_where_more_come_than_it_holds(bus):
    where = Where(op=Op.ALWAYS, window=Window(statistic=Statistic.COUNT, span=1000, count=3))
    assert [value for _, value in told(bus, where, *[(i, i) for i in range(6)])] == [1, 2, 3, 3, 3, 3]


def test_each_topic_has_a_window_of_its_own_and_a_filter_keeps_others_out(bus):
    heard: list[tuple[str, float]] = []
    bus.subscribe(
        "room/+",
        lambda event: heard.append((event.topic, event.value)),
        where=Where(window=Window(statistic=Statistic.MEAN, count=2)),
        matching=Filter({"source": "good"}),
    )
    for topic, value, source in [("a", 1, "good"), ("b", 5, "good"), ("a", 99, "bad"), ("a", 3, "good")]:
        bus.emit(f"room/{topic}", value, timestamp=0, source=source)
    assert heard == [("room/a", 2.0)]


@pytest.mark.parametrize("wrong", [{}, {"count": -1}, {"count": 65537}, {"span": -1, "count": 1}, {"count": 1.5}])
def test_a_window_without_an_end_is_refused(wrong):
    with pytest.raises(ValueError, match="window"):
        Window(statistic=Statistic.MEAN, **wrong)

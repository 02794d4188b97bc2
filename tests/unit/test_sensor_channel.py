# SPDX-License-Identifier: GPL-3.0-or-later
"""Which readings of a channel become events, its rates, and when its calibration is degraded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.sensors import build
from ganglion.sensors.channel import EDGE_MOST, EDGE_READINGS, Bounds, Channel, calibration_state
from ganglion.sensors.schedule import Rate

S = 1_000_000_000
MS = 1_000_000


def channel(**bounds):
    return Channel(Bounds(**bounds), now=0, window=10 * S)


def state(made, *, is_calibrated=True, is_unhealthy=False):
    return calibration_state(made, is_calibrated=is_calibrated, is_unhealthy=is_unhealthy)


def test_a_value_outside_of_the_range_is_refused_and_counted():
    made = channel(range=(-40.0, 85.0))
    assert made.take(-40, at=1, now=0)
    assert made.take(85, at=2, now=0)
    assert not made.take(85.1, at=3, now=0)
    assert not made.take(-1000, at=4, now=0)
    assert (made.refused, made.value, made.timestamp) == (2, 85, 2)
    assert (made.statistics.count, made.statistics.high) == (2, 85)
    assert made.refusal == "it reads -1000, and its range is -40 to 85"
    assert made.take(20, at=5, now=0)
    assert made.refusal == ""


def test_a_reading_that_is_not_sure_is_no_event():
    made = channel(min_confidence=0.6)
    assert not made.take(True, at=1, now=0, confidence=0.59)
    assert (made.value, made.doubted) == (None, 1)
    assert made.take(True, at=2, now=0, confidence=0.6)
    assert made.take(False, at=3, now=0)


@given(st.floats(0.01, 1000), st.lists(st.integers(0, 3 * S), min_size=1, max_size=100))
def test_no_more_events_than_the_rate_allows(rate, pauses):
    made, now, events = channel(max_rate_hz=rate), 0, []
    for pause in pauses:
        now += pause
        if made.emits(now):
            events.append(now)
    assert len(events) + made.withheld == len(pauses)
    for i, first in enumerate(events):
        for j, last in enumerate(events[i:]):
            assert j <= (last - first) * rate / S + 1


@given(st.lists(st.integers(-40 * MS, 40 * MS), min_size=1, max_size=50))
def test_a_sensor_that_is_read_as_often_as_events_are_allowed_loses_none(jitter):
    made = channel(max_rate_hz=10)
    assert all(made.emits(i * 100 * MS + 100 * MS + late) for i, late in enumerate(jitter)) or any(
        abs(a - b) > 49 * MS for a in jitter for b in jitter
    )


def test_a_calibration_is_degraded_while_the_sensor_is_unhealthy_or_its_values_at_the_edge():
    made = channel(range=(0.0, 100.0))
    assert state(made, is_calibrated=False) == "uncalibrated"
    assert state(made, is_calibrated=False, is_unhealthy=True) == "uncalibrated"
    assert state(made) == "calibrated"
    assert state(made, is_unhealthy=True) == "degraded"
    for _ in range(EDGE_MOST - 1):
        made.take(99.5, at=0, now=0)
    assert state(made) == "calibrated"
    made.take(101, at=0, now=0)
    assert state(made) == "degraded"
    for _ in range(EDGE_READINGS - EDGE_MOST + 1):
        made.take(50, at=0, now=0)
    assert state(made) == "calibrated"


def test_a_rate_is_of_the_time_that_has_passed():
    rate = Rate(window=10 * S, now=0)
    assert rate.per_second(0) == 0
    rate.add(0)
    assert rate.per_second(0) == 1
    for i in range(1, 100):
        rate.add(i * S // 10)
    assert rate.per_second(10 * S - 1) == pytest.approx(10)
    assert rate.per_second(15 * S) == pytest.approx(5)
    assert rate.per_second(100 * S) == 0


@given(st.integers(1, 50), st.integers(1, 30))
def test_a_steady_rate_is_that_rate(hertz, seconds):
    rate = Rate(window=10 * S, now=0)
    for i in range(hertz * seconds):
        rate.add(i * S // hertz)
    assert rate.per_second(seconds * S - 1) == pytest.approx(hertz, abs=0.2)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"range": {"temprature": [0, 1]}}, 'sensor.f.range.temprature: no such channel; did you mean "temperature"'),
        ({"range": {"temperature": [1, 1]}}, "sensor.f.range.temperature: must be the lowest and the highest value"),
        ({"range": {"temperature": [0]}}, "sensor.f.range.temperature: must be"),
        ({"range": {"temperature": [0, float("inf")]}}, "sensor.f.range.temperature: must be"),
        ({"range": {"temperature": "0-9"}}, "sensor.f.range.temperature: must be"),
        ({"max_rate_hz": 0}, "sensor.f.max_rate_hz: must be above 0"),
        ({"min_confidence": 1.5}, "sensor.f.min_confidence: must be 0 to 1"),
        ({"min_confidence": 0.5}, "sensor.f.min_confidence: the kind bme280 does not say how sure it is"),
    ],
)
def test_a_wrong_bound_is_named(table, says):
    with pytest.raises(InvalidError) as caught:
        build("f", {"kind": "bme280", "bus": "sim", **table})
    assert str(caught.value).startswith(says)


def test_a_kind_knows_ranges_and_the_table_has_the_last_word():
    made = build("m", {"kind": "system", "range": {"cpu": [0, 90]}, "max_rate_hz": 2})
    assert made.bounds["cpu"] == Bounds(range=(0, 90), max_rate_hz=2)
    assert made.bounds["memory"] == Bounds(range=(0, 100), max_rate_hz=2)
    assert made.bounds["load"] == Bounds(max_rate_hz=2)


def test_a_modality_is_what_the_kinds_branch_says():
    assert build("m", {"kind": "system"}).modality == "system"
    assert build("f", {"kind": "bme280", "bus": "sim"}).modality == "environment"

# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibration by reference points: steadiness, the line, and what of configuration and points holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, RefusedError
from ganglion.sensors.calibration import Calibration, Point, line, merged, steady

CHANNELS = {"temperature": "Cel", "humidity": "%"}
NUMBERS = st.floats(-1e6, 1e6)


def point(raw, reference, spread=0.0):
    return Point(reference=reference, raw=raw, spread=spread, readings=8, at=1)


def test_one_point_moves_the_offset_and_keeps_the_scale():
    assert line([point(20.4, 20.0)], Calibration()) == Calibration(offset=20.0 - 20.4)
    assert line([point(200, 21)], Calibration(scale=0.1, offset=7)) == Calibration(scale=0.1, offset=1)


def test_two_points_are_a_line_through_both():
    found = line([point(1, 0), point(99, 100)], Calibration(scale=5))
    assert [found.scale * raw + found.offset for raw in (1, 99)] == pytest.approx([0, 100])


@pytest.mark.parametrize(
    "second", [point(20, 30), point(21, 20), point(20.15, 30, spread=0.1)], ids=["one raw", "one reference", "noise"]
)
def test_two_points_that_are_too_close_are_refused(second):
    with pytest.raises(InvalidError, match="two points must be farther apart than the readings of each"):
        line([point(20, 20, spread=0.1), second], Calibration())


@pytest.mark.parametrize(
    ("readings", "reference", "within", "range"),
    [
        ([20.0, 20.1], 20, None, None),
        ([0.0, 0.02], 0, None, None),
        ([1010, 1015], 1013, None, None),
        ([20, 21], 20, None, (-40, 85)),
        ([20, 25], 20, 5.0, (-40, 85)),
    ],
)
def test_readings_that_are_steady_are_their_mean(readings, reference, within, range):
    mean, spread = steady(readings, reference, within=within, range=range)
    assert mean == sum(readings) / 2
    assert spread == pytest.approx(readings[1] - readings[0])


@pytest.mark.parametrize(
    ("readings", "within", "range"),
    [([20, 20.2], None, None), ([0, 0.03], None, None), ([20, 22], None, (-40, 85)), ([20, 20.1], 0.05, None)],
)
def test_readings_that_are_not_steady_are_refused(readings, within, range):
    with pytest.raises(RefusedError, match=r"not steady: .* apart is the most; wait until they are"):
        steady(readings, 20 if readings[0] else 0, within=within, range=range)


LINES = st.builds(Calibration, scale=st.floats(0.001, 1000), offset=NUMBERS)
POINTS = st.lists(st.builds(point, NUMBERS, NUMBERS, st.floats(0, 10)), max_size=2).map(tuple)
NAMES = st.sampled_from(["temperature", "humidity", "gone"])


@given(st.dictionaries(NAMES, LINES), st.dictionaries(NAMES, POINTS))
def test_points_go_before_the_configuration_and_all_else_is_as_it_says(configured, taken):
    found = merged(configured, taken, CHANNELS)
    assert found.keys() <= CHANNELS.keys()
    for channel in CHANNELS:
        try:
            expected = line(taken[channel], configured.get(channel, Calibration())) if taken.get(channel) else None
        except InvalidError:
            expected = None
        assert found.get(channel) == (expected or configured.get(channel))


@given(LINES, st.floats(-1e4, 1e4))
def test_a_raw_reading_is_found_again(correction, raw):
    value = raw * correction.scale + correction.offset
    assert correction.raw(value) == pytest.approx(raw, abs=1e-6 * max(1, abs(correction.offset) / correction.scale))


@given(st.builds(point, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), LINES)
def test_the_reference_is_what_is_read_afterwards(first, configured):
    found = line([first], configured)
    corrected = first.raw * found.scale + found.offset
    assert corrected == pytest.approx(first.reference, abs=1e-6 * max(1, abs(found.offset)))

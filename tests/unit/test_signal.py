# SPDX-License-Identifier: GPL-3.0-or-later
"""signal: known answers, and the native core held to its Python twin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sensors import signal
from ganglion_micro import signal as twin

SIZES = st.tuples(st.integers(0, 12), st.integers(0, 12))


@pytest.fixture(params=[pytest.param(signal, id=signal.BACKEND), pytest.param(twin, id="twin")])
def core(request):
    return request.param


def test_the_mean_of_a_plane(core):
    assert core.luma_mean(bytes([0, 255, 51, 102])) == 102.0
    assert core.luma_mean(b"") == 0.0


def test_a_square_that_moves_changes_what_it_leaves_and_what_it_covers(core):
    before, after = bytearray([200] * 19200), bytearray([200] * 19200)
    for row in range(10):
        before[row * 160 : row * 160 + 10] = bytes(10)
        after[row * 160 + 10 : row * 160 + 20] = bytes(10)
    assert core.luma_motion(bytes(before), bytes(after), 25) == 200
    assert core.luma_motion(bytes(before), bytes(before), 0) == 0


def test_a_change_must_be_more_than_the_threshold_either_way(core):
    assert core.luma_motion(bytes([100, 100, 100, 0]), bytes([125, 75, 126, 255]), 25) == 2


def test_how_much_lighter_it_is_does_not_depend_on_what_moves(core):
    assert core.luma_lighter(bytes([10, 20, 30, 40, 50]), bytes([15, 25, 35, 255, 0])) == 5
    assert core.luma_lighter(b"", b"") == 0
    assert core.luma_lighter(bytes(4), bytes([255] * 4)) == 255


def test_planes_of_two_sizes_cannot_be_compared(core):
    with pytest.raises(ValueError, match="planes of 1 and 2 pixels"):
        core.luma_lighter(b"a", b"ab")
    with pytest.raises(ValueError, match="planes of 1 and 2 pixels"):
        core.luma_motion(b"a", b"ab", 25)


@given(st.integers(0, 400).flatmap(lambda n: st.tuples(*[st.binary(min_size=n, max_size=n)] * 2)), st.integers(0, 255))
def test_native_and_twin_see_the_same(planes, threshold):
    before, after = planes
    assert signal.luma_mean(before) == pytest.approx(twin.luma_mean(before), abs=1e-9)
    for lighter in (0, 7, -300):
        moved = twin.luma_motion(before, after, threshold, lighter)
        assert signal.luma_motion(before, after, threshold, lighter) == moved
    assert signal.luma_lighter(before, after) == twin.luma_lighter(before, after)
    for width in (0, 1, 2, 7):
        assert signal.luma_texture(before, width) == pytest.approx(twin.luma_texture(before, width), abs=1e-9)


@given(st.binary(min_size=1, max_size=600), st.data())
def test_native_and_twin_reduce_a_picture_to_the_same_plane(buffer, data):
    size, to = data.draw(SIZES), data.draw(SIZES)
    first, pixel, row = data.draw(st.integers(0, 3)), data.draw(st.integers(1, 3)), data.draw(st.integers(0, 40))
    expected = outcome(twin.luma_reduce, buffer, size, to, first, pixel, row)
    assert outcome(signal.luma_reduce, buffer, size, to, first, pixel, row) == expected


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except ValueError as error:
        return str(error)


def test_a_reduced_picture_is_the_mean_of_its_parts(core):
    assert core.luma_reduce(bytes([0, 10, 20, 30, 100, 110, 120, 130]), (4, 2), (2, 1)) == bytes([55, 75])
    assert core.luma_reduce(bytes([1, 2]), (2, 1), (4, 2)) == bytes([1, 1, 2, 2] * 2)
    with pytest.raises(ValueError, match="7 bytes are no picture of 4 by 2"):
        core.luma_reduce(bytes(7), (4, 2), (2, 1))


def test_texture_is_how_much_neighbours_differ(core):
    assert core.luma_texture(bytes([5] * 12), 4) == 0.0
    assert core.luma_texture(bytes([0, 9, 0, 9, 0, 9]), 3) == 9.0

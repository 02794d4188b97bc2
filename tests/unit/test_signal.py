# SPDX-License-Identifier: GPL-3.0-or-later
"""signal: known answers, and the native core held to its Python twin."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sensors import signal
from ganglion_micro import signal as twin

RATE = 16_000
PCM = st.lists(st.integers(-32768, 32767), max_size=400).map(lambda samples: array("h", samples).tobytes())
PLANE = st.binary(min_size=0, max_size=400)


@pytest.fixture(params=[pytest.param(signal, id=signal.BACKEND), pytest.param(twin, id="twin")])
def core(request):
    return request.param


def sine(peak, hertz=1000, seconds=0.1):
    return array("h", [round(peak * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(int(RATE * seconds))])


@pytest.mark.parametrize(
    ("peak", "level"), [(32767, 0.0), (32767 * 10 ** (-6 / 20), -6.0), (3276.7, -20.0), (32.767, -60.0)]
)
def test_a_sine_has_the_level_of_its_peak(core, peak, level):
    """AES17: dBFS is against the level of a full-scale sine."""
    assert core.audio_level(sine(peak).tobytes()) == pytest.approx(level, abs=0.05)


def test_a_full_scale_square_is_three_decibels_above_a_sine(core):
    assert core.audio_level(array("h", [32767, -32767] * 800).tobytes()) == pytest.approx(3.01, abs=0.01)


@pytest.mark.parametrize("pcm", [b"", bytes(3200)])
def test_silence_has_a_floor(core, pcm):
    assert core.audio_level(pcm) == -120.0
    assert core.audio_zero_crossings(pcm) == 0


def test_a_sine_crosses_zero_twice_a_period(core):
    assert core.audio_zero_crossings(sine(1000, hertz=440, seconds=1).tobytes()) in (879, 880)


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


def test_planes_of_two_sizes_cannot_be_compared(core):
    with pytest.raises(ValueError, match="planes of 1 and 2 pixels"):
        core.luma_motion(b"a", b"ab", 25)


@given(PCM)
def test_native_and_twin_hear_the_same(pcm):
    assert signal.audio_level(pcm) == pytest.approx(twin.audio_level(pcm), abs=1e-9)
    assert signal.audio_zero_crossings(pcm) == twin.audio_zero_crossings(pcm)


@given(st.integers(0, 400).flatmap(lambda n: st.tuples(*[st.binary(min_size=n, max_size=n)] * 2)), st.integers(0, 255))
def test_native_and_twin_see_the_same(planes, threshold):
    before, after = planes
    assert signal.luma_mean(before) == pytest.approx(twin.luma_mean(before), abs=1e-9)
    assert signal.luma_motion(before, after, threshold) == twin.luma_motion(before, after, threshold)

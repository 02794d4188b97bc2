# SPDX-License-Identifier: GPL-3.0-or-later
"""sound: known tones, the standard's table of A-weighting, and the native core held to its Python twin."""

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.sensors import sound
from ganglion_micro import sound as twin

#: IEC 61672-1 Table 3: nominal frequency in Hz, A-weighting in dB. Those above 6.3 kHz are not below half the rate.
A_WEIGHTING = {
    20: -50.5, 25: -44.7, 31.5: -39.4, 40: -34.6, 50: -30.2, 63: -26.2, 80: -22.5, 100: -19.1, 125: -16.1, 160: -13.4,
    200: -10.9, 250: -8.6, 315: -6.6, 400: -4.8, 500: -3.2, 630: -1.9, 800: -0.8, 1000: 0.0, 1250: 0.6, 1600: 1.0,
    2000: 1.2, 2500: 1.3, 3150: 1.2, 4000: 1.0, 5000: 0.5, 6300: -0.1,
}  # fmt: skip
PCM = st.lists(st.integers(-32768, 32767), max_size=1200).map(lambda samples: array("h", samples).tobytes())


@pytest.fixture(params=[pytest.param(sound.Sound, id=sound.BACKEND), pytest.param(twin.Sound, id="twin")])
def core(request):
    return request.param


def sine(peak, hertz=1000.0, seconds=0.1):
    turn = 2 * math.pi * hertz / sound.RATE
    return array("h", [round(peak * math.sin(turn * i)) for i in range(round(sound.RATE * seconds))]).tobytes()


def frames(core, pcm, *, weighted=False, bands=False):
    count = len(pcm) // 2 // sound.HOP
    heard = core(max(count, 1), weighted, bands)
    assert heard.feed(pcm) >= count * sound.HOP * 2
    samples, taken = heard.take(count)
    assert samples == pcm[: count * sound.HOP * 2]
    return taken


def level(core, pcm, **how):
    taken = frames(core, pcm, **how)
    return sound.decibels(sum(frame[0] for frame in taken) / len(taken))


@pytest.mark.parametrize(
    ("peak", "dbfs"), [(32767, 0.0), (32767 * 10 ** (-6 / 20), -6.0), (3276.7, -20.0), (32.767, -60.0)]
)
def test_a_sine_has_the_level_of_its_peak(core, peak, dbfs):
    """AES17: dBFS is against the level of a full-scale sine."""
    assert level(core, sine(peak)) == pytest.approx(dbfs, abs=0.05)


def test_a_full_scale_square_is_three_decibels_above_a_sine(core):
    assert level(core, array("h", [32767, -32767] * 800).tobytes()) == pytest.approx(3.01, abs=0.01)


def test_silence_has_a_floor(core):
    assert level(core, bytes(3200)) == -120.0
    assert all(frame[1] == 0 for frame in frames(core, bytes(3200)))


def test_a_sine_crosses_zero_twice_a_period(core):
    assert sum(frame[1] for frame in frames(core, sine(1000, hertz=440, seconds=1))) in (879, 880)


@pytest.mark.parametrize(("hertz", "weighting"), A_WEIGHTING.items())
def test_a_weighting_is_what_the_standards_table_says(hertz, weighting):
    """Class 1 lets 0.7 dB pass at 1 kHz and at least 1 dB elsewhere; the table itself is rounded to 0.1 dB."""
    exact = 1000 * 10 ** (round(10 * math.log10(hertz / 1000)) / 10)  # the standard's frequencies are powers of ten
    taken = frames(sound.Sound, sine(30000, hertz=exact, seconds=1.5), weighted=True)[50:]
    heard = sound.decibels(sum(frame[0] for frame in taken) / len(taken))
    assert heard - 20 * math.log10(30000 / 32767) == pytest.approx(weighting, abs=0.4)


@pytest.mark.parametrize("hertz", [63, 125, 250, 500, 1000, 2000, 4000, 7000])
def test_a_tone_lands_in_its_octave(core, hertz):
    """Its neighbours get what the window lets through, which at 63 Hz, two bins, is more than elsewhere."""
    *_, last = frames(core, sine(16384, hertz=hertz), bands=True)
    levels = dict(zip(sound.BANDS, map(sound.decibels, last[2:]), strict=True))
    own = 8000 if hertz == 7000 else hertz
    assert levels[own] == pytest.approx(-6.02, abs=2.0 if hertz == 63 else 0.1)
    others = max(dbfs for middle, dbfs in levels.items() if middle != own)
    assert others < levels[own] - (5 if hertz < 250 else 40)


def test_what_does_not_fit_is_not_taken_in(core):
    heard = core(2)
    pcm = sine(1000)
    assert heard.feed(pcm) == 640
    assert heard.feed(pcm[640:]) == 0
    assert heard.take(3) is None
    first, _ = heard.take(1)
    assert heard.feed(pcm[640:]) == 320
    rest, _ = heard.take(2)
    assert first + rest == pcm[:960]


@given(PCM, st.lists(st.integers(0, 700), max_size=8), st.booleans())
@settings(max_examples=40, deadline=None)
def test_native_and_twin_hear_the_same_however_it_is_cut(pcm, cuts, weighted):
    native, python = sound.Sound(10, weighted, True), twin.Sound(10, weighted, True)
    edges = sorted({2 * min(cut, len(pcm) // 2) for cut in cuts} | {0, len(pcm)})
    for start, end in pairwise(edges):
        assert native.feed(pcm[start:end]) == python.feed(pcm[start:end]) == end - start
    count = len(pcm) // 2 // sound.HOP
    heard, expected = native.take(count), python.take(count)
    assert heard[0] == expected[0] == pcm[: 2 * count * sound.HOP]
    for ours, theirs in zip(heard[1], expected[1], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-6)

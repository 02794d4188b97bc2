# SPDX-License-Identifier: GPL-3.0-or-later
"""audio: the WAV file at its pace, ALSA's own recorder on its file plugin, and speech found in the demo's room."""

import math
import threading
import time
import wave
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ganglion_tools.up
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.sensors import audio, build, pcm
from ganglion.sensors.voice import VoiceActivity

ROOM = Path(ganglion_tools.up.__file__).parent / "room.wav"
#: Where somebody speaks in the demo's sound, in seconds.
SPEECH = [(1.6, 3.3), (5.2, 6.3)]


def tone(path, seconds=0.5, peak=16384, rate=16_000, channels=1, width=2):
    samples = array("h", [round(peak * math.sin(2 * math.pi * i / 16)) for i in range(int(rate * seconds))])
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


class Fast:
    """A clock in which a second is a millisecond, so that a file goes by a thousand times as fast."""

    def __call__(self):
        return time.monotonic_ns() * 1000


@pytest.fixture
def fast(monkeypatch):
    class Hurried(pcm.WavStream):
        def __init__(self, path, *, loop, now):
            super().__init__(path, loop=loop, now=Fast())
            self._interrupted = Impatient()

    class Impatient(threading.Event):
        def wait(self, timeout=None):
            return super().wait(None if timeout is None else timeout / 1000)

    monkeypatch.setattr(audio, "WavStream", Hurried)


def hearing(**table):
    sensor = build("mic", {"kind": "audio", **table})
    sensor.source.open()
    return sensor


def listen(mic, times):
    return [mic.sample() for _ in range(times)]


def test_a_tone_of_half_the_scale_is_six_decibels_down(tmp_path, fast):
    mic = hearing(source=str(tone(tmp_path / "a.wav")), voice="off")
    sample = mic.sample()
    mic.source.close()
    assert sample["level"] == pytest.approx(-6.02, abs=0.02)
    assert sample["zero_crossings"] == pytest.approx(2000, rel=0.02)


def test_speech_is_heard_and_silence_is_not(fast):
    mic = hearing(source=str(ROOM))
    windows = [mic.sample() for _ in range(80)]
    mic.source.close()
    for start, end in SPEECH:
        inside = windows[round(10 * start) + 3 : round(10 * end)]
        assert all(window["voice"] for window in inside)
        assert max(window["voice_probability"] for window in inside) > 0.9
        assert max(window["level"] for window in inside) > -25
    for start, end in [(0, 1.6), (SPEECH[0][1] + 1.0, 5.2), (SPEECH[1][1] + 1.0, 8.0)]:
        silent = windows[round(10 * start) : round(10 * end)]
        assert not any(window["voice"] for window in silent)
        assert max(window["level"] for window in silent) < -55


def test_a_file_takes_as_long_as_it_sounds(tmp_path):
    mic = hearing(source=str(tone(tmp_path / "a.wav", seconds=0.2)), every="50ms", voice="off")
    began = time.monotonic()
    for _ in range(6):
        mic.sample()
    mic.source.close()
    assert time.monotonic() - began >= 0.29


def test_a_file_begins_again_or_ends(tmp_path, fast):
    path = str(tone(tmp_path / "a.wav", seconds=0.15))
    looped = hearing(source=path, voice="off")
    assert len([looped.sample() for _ in range(5)]) == 5
    looped.source.close()
    once = hearing(source=path, loop=False, voice="off")
    once.sample()
    with pytest.raises(OSError, match="the file has ended"):
        once.sample()
    once.source.close()


def test_a_wait_for_sound_can_be_interrupted(tmp_path):
    mic = hearing(source=str(tone(tmp_path / "a.wav")), every="10s", voice="off")
    failed = []

    def listen():
        try:
            mic.sample()
        except OSError as error:
            failed.append(str(error))

    thread = threading.Thread(target=listen)
    thread.start()
    mic.source.interrupt()
    thread.join(5)
    mic.source.close()
    assert failed == ["interrupted"]


def test_without_the_detector_there_is_a_level_and_no_voice(monkeypatch):
    monkeypatch.setattr(audio, "find_spec", lambda name: None)
    assert set(build("mic", {"kind": "audio", "source": str(ROOM)}).channels) == {"level", "zero_crossings"}
    with pytest.raises(UsageError, match=r"needs pymicro-vad: pip install 'ganglion\[audio\]'"):
        build("mic", {"kind": "audio", "source": str(ROOM), "voice": "on"})


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ({"rate": 44100}, "has 44100 Hz, 16 bits, 1 channels; make it 16 kHz mono: sox"),
        ({"channels": 2}, "has 16000 Hz, 16 bits, 2 channels"),
        ({"width": 1}, "has 16000 Hz, 8 bits, 1 channels"),
        ({"seconds": 0}, "holds no sound"),
    ],
)
def test_sound_of_another_form_is_refused_with_a_remedy(tmp_path, made, says):
    with pytest.raises(InvalidError) as caught:
        build("mic", {"kind": "audio", "source": str(tone(tmp_path / "a.wav", **made))})
    assert says in str(caught.value)


@pytest.mark.parametrize("cut", range(46))
def test_a_file_that_is_cut_off_is_refused(tmp_path, cut):
    path = tmp_path / "a.wav"
    path.write_bytes(ROOM.read_bytes()[:cut])
    with pytest.raises(InvalidError, match=r"no WAV file of plain PCM|holds no sound"):
        build("mic", {"kind": "audio", "source": str(path)})


def test_a_file_that_shrinks_while_it_plays_is_an_error(tmp_path, fast):
    path = tone(tmp_path / "a.wav")
    mic = hearing(source=str(path), voice="off")
    path.write_bytes(path.read_bytes()[:44])
    with pytest.raises(OSError, match="holds no sound any more"):
        listen(mic, 100)
    mic.source.close()


def test_a_file_that_ends_within_a_sample_is_played_without_it(tmp_path, fast):
    path = tone(tmp_path / "a.wav", seconds=0.1)
    path.write_bytes(path.read_bytes()[:-1])
    mic = hearing(source=str(path), voice="off")
    listen(mic, 3)
    assert mic.sample()["level"] == pytest.approx(-6.02, abs=0.1)
    mic.source.close()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"every": "15ms"}, "sensor.mic: every must be a multiple of 10ms"),
        ({"voice": "maybe"}, "sensor.mic: voice must be auto, on or off"),
        ({"threshold": 1}, "sensor.mic: threshold must be between 0 and 1"),
        ({"sourc": "x"}, 'sensor.mic.sourc: unknown key; did you mean "source"?'),
    ],
)
def test_a_wrong_section_is_named(table, says):
    with pytest.raises(InvalidError) as caught:
        build("mic", {"kind": "audio", "source": str(ROOM), **table})
    assert str(caught.value).startswith(says)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="does not exist"):
        build("mic", {"kind": "audio", "source": str(tmp_path / "none.wav")})


def test_the_demos_sound_is_small():
    assert ROOM.stat().st_size <= 260_000


@pytest.fixture
def card(tmp_path, monkeypatch):
    """ALSA's file plugin as a microphone: the real recorder and library, without a card."""
    with wave.open(str(ROOM), "rb") as file:
        file.setpos(16_000 * 2)
        (tmp_path / "mic.raw").write_bytes(file.readframes(16_000))
    conf = tmp_path / "asound.conf"
    conf.write_text(
        f'pcm.mic {{ type file file /dev/null format raw slave {{ pcm null }} infile "{tmp_path / "mic.raw"}" }}\n'
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", f"/usr/share/alsa/alsa.conf:{conf}")
    return tmp_path / "mic.raw"


def test_a_microphone_is_read_through_alsa(card):
    mic = hearing(source="alsa:mic", voice="off")
    level = mic.sample()["level"]
    mic.source.close()
    from ganglion_micro.signal import audio_level

    assert level == pytest.approx(audio_level(card.read_bytes()[:3200]), abs=1e-6)


def test_a_card_that_is_not_there_says_so_in_alsas_words(card):
    mic = hearing(source="alsa:nocard", voice="off")
    with pytest.raises(OSError, match="audio open error: No such file or directory"):
        mic.sample()
    mic.source.close()


def test_without_alsas_tools_their_package_is_named():
    with pytest.raises(FileNotFoundError, match="no-arecord is not installed: apt-get install alsa-utils"):
        pcm.AlsaStream("default", command="no-arecord")


def test_a_click_is_no_speech_and_a_pause_does_not_end_it():
    voice = VoiceActivity(threshold=0.5, hangover=2)
    heard = [voice.add(p) for p in (0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1)]
    assert heard == [False] * 5 + [True] * 6 + [False]


@given(st.lists(st.floats(0, 1)), st.integers(0, 50))
def test_speech_ends_within_the_hangover_of_silence(probabilities, hangover):
    voice = VoiceActivity(threshold=0.5, hangover=hangover)
    for probability in probabilities:
        voice.add(probability)
    for _ in range(hangover + 1):
        voice.add(0.0)
    assert not voice.active

# SPDX-License-Identifier: GPL-3.0-or-later
"""audio: the WAV file at its pace, speech found in the demo's room, noise, silence, octaves, and what is kept."""

import asyncio
import contextlib
import math
import os
import re
import threading
import time
import wave
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ganglion_tools.up
from ganglion import units
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.sensors import Sensors, audio, build, pcm, wake
from ganglion.sensors import running as running_
from ganglion.sensors.voice import VoiceActivity
from support.waiting import until

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


def test_a_file_gives_no_sample_before_its_time(tmp_path):
    now = 0

    class Patient(threading.Event):
        def wait(self, timeout=None):
            nonlocal now
            now += round(timeout * 1e9)
            return False

    stream = pcm.WavStream(tone(tmp_path / "a.wav", seconds=0.2), loop=True, now=lambda: now)
    stream._interrupted = Patient()
    heard = 0
    for _ in range(20):
        heard += len(stream.read()) // 2
        assert now == pytest.approx(heard / 16_000 * 1e9, abs=1000)
    stream.close()


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


def bang(path):
    """Two seconds at -60 dBFS, with 20 ms at -6 in the middle."""
    samples = array("h", [round((16384 if 16000 <= i < 16320 else 33) * math.sin(i / 3)) for i in range(32000)])
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return str(path)


def told(values, channel):
    return "".join("#" if value[channel] else "." for value in values)


def test_a_bang_is_loud_for_its_hold_and_ends_a_silence(tmp_path, fast):
    mic = hearing(
        source=bang(tmp_path / "a.wav"),
        voice="off",
        loud={"above": -20.0, "hold": "300ms"},
        silence={"below": -50.0, "after": "500ms"},
    )
    values = listen(mic, 20)
    mic.source.close()
    assert told(values, "loud") == "..........####......"
    assert told(values, "silence") == "....######.....#####"


def test_octaves_have_channels_where_they_are_asked_for(tmp_path, fast):
    mic = hearing(source=str(tone(tmp_path / "a.wav")), voice="off", bands=True)
    last = listen(mic, 3)[-1]
    mic.source.close()
    assert last["band_1000"] == pytest.approx(-6.02, abs=0.1)
    assert last["band_4000"] < -50
    assert mic.channels["band_63"] == "dB"


def test_weighting_lets_a_kilohertz_pass_and_little_of_a_hum(tmp_path, fast):
    samples = array("h", [round(16384 * math.sin(2 * math.pi * 100 * i / 16000)) for i in range(16000)])
    path = tone(tmp_path / "hum.wav")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    mic = hearing(source=str(path), voice="off", weighting="A")
    assert listen(mic, 8)[-1]["level"] == pytest.approx(-6.02 - 19.1, abs=0.4)
    mic.source.close()


def test_speech_is_kept_on_a_rule_and_told_while_it_is(tmp_path, fast):
    sensor = build(
        "mic",
        {"kind": "audio", "source": str(ROOM), "record": {"when": "voice", "before": "300ms", "after": "200ms"}},
        state=lambda path: tmp_path / path,
    )
    sensor.source.open()
    values = listen(sensor, 75)
    sensor.source.close()
    voice, recording = told(values, "voice"), told(values, "recording")
    assert re.fullmatch(r"\.+(#+)\.+(#+)\.+", voice)
    assert recording == re.sub(r"#\.\.", "###", voice)  # and two tenths of a second after
    files = sorted((tmp_path / "recordings" / "mic").iterdir())
    assert [path.suffix for path in files] == [".wav", ".wav"]
    with wave.open(str(files[0]), "rb") as file, wave.open(str(ROOM), "rb") as room:
        first = recording.index("#")
        room.setpos((first - 3) * 1600)  # and three before
        length = file.getnframes()
        assert length == 1600 * (3 + recording.index(".", first) - first)
        assert file.readframes(length) == room.readframes(length)


def test_without_a_rule_nothing_says_that_it_may_record_and_nothing_does(tmp_path, fast, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sensors = Sensors(Bus(), Clock())
    sensors.add(build("a", {"kind": "audio", "source": str(ROOM)}, state=lambda path: tmp_path / path))
    sensors.add(
        build("b", {"kind": "audio", "source": str(ROOM), "loud": {"above": -20.0}, "record": {"when": "loud"}})
    )
    assert {name for name in sensors.capabilities() if "recording" in name} == {"b.recording"}
    mic = hearing(source=str(ROOM))
    listen(mic, 40)
    mic.source.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"weighting": "C"}, "sensor.mic: weighting must be A or Z"),
        ({"wake_words": ["okay_nabo"]}, "sensor.mic.wake_words: no model for 'okay_nabo'; did you mean \"okay_nabu\"?"),
        ({"loud": {"above": -20, "below": -10}}, "sensor.mic.loud: below must not be higher than above"),
        ({"loud": {"abov": -20}}, 'sensor.mic.loud.abov: unknown key; did you mean "above"?'),
        ({"silence": {"below": -20, "above": -30}}, "sensor.mic.silence: above must not be lower than below"),
        ({"record": {"when": "never"}}, "sensor.mic.record: when must be loud, voice or wake_word"),
        ({"record": {"when": "loud"}}, "sensor.mic.record.when: nobody looks for loud: loud = {above = -20}"),
        ({"record": {"when": "wake_word"}}, "sensor.mic.record.when: nobody looks for wake_word: wake_words = "),
        ({"voice": "off", "record": {"when": "voice"}}, "sensor.mic.record.when: nobody looks for voice"),
        ({"record": {"when": "voice", "keep": "1MB"}}, "sensor.mic.record: keep = 1000000 bytes has no room for one"),
        (
            {"record": {"when": "voice", "keep": "many"}},
            "sensor.mic.record.keep: 'many' is not a size: write a number with",
        ),
        ({"record": {"when": "voice", "before": "31s"}}, "sensor.mic.record: before must be at most 30s"),
        ({"record": {"when": "voice", "after": "11m"}}, "sensor.mic.record: after must be at most 10m"),
        ({"record": {"when": "voice", "longest": "1ms"}}, "sensor.mic.record: longest must be from 1s to 1h"),
        ({"record": {"when": "voice", "folder": "/tmp"}}, "sensor.mic.record: folder '/tmp' must be inside the node's"),
        ({"record": {"when": "voice", "folder": "a/../../b"}}, "must be inside the node's state folder"),
        ({"record": {"when": "voice", "files": 0}}, "sensor.mic.record: files must be at least 1"),
    ],
)
def test_a_wrong_table_is_named(table, says):
    with pytest.raises(InvalidError) as caught:
        build("mic", {"kind": "audio", "source": str(ROOM), **table})
    assert says in str(caught.value)


def test_without_the_models_their_package_is_named(monkeypatch):
    monkeypatch.setattr(wake, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs pymicro-wakeword: pip install 'ganglion\[audio\]'"):
        build("mic", {"kind": "audio", "source": str(ROOM), "wake_words": ["alexa"]})


async def test_a_pipe_whose_writer_goes_is_an_error_with_words_and_is_heard_again(tmp_path):
    pipe = tmp_path / "sound"
    os.mkfifo(pipe)
    sensors = Sensors(Bus(), Clock())
    sensors.add(build("mic", {"kind": "audio", "source": f"pipe:{pipe}", "voice": "off"}))
    level = next(place for place, status in enumerate(sensors.status()) if status.id == "mic.level")
    task = asyncio.create_task(sensors.run())
    try:
        for heard in (1, 2):
            writer = os.open(pipe, os.O_RDWR)  # waits for no reader
            os.write(writer, bytes(3200))
            await until(lambda heard=heard: sensors.status()[level].count == heard)
            assert sensors.status()[level].health == "ok"
            os.close(writer)
            await until(lambda: sensors.status()[level].error)
            assert sensors.status()[level].error == f"who writes {pipe} has closed it"
            assert sensors.status()[level].health == "failing"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("text", "size"), [("64MB", 64_000_000), ("1.5 GiB", 1536 * 1024**2), ("2kB", 2000), (" 1KiB ", 1024)]
)
def test_sizes_are_written_as_people_do(text, size):
    assert units.size(text) == size


async def test_a_pipe_that_nobody_writes_says_so_as_long_as_that_lasts(tmp_path, monkeypatch):
    monkeypatch.setattr(running_, "_HANGS", 50_000_000)
    pipe = tmp_path / "sound"
    os.mkfifo(pipe)
    sensors = Sensors(Bus(), Clock())
    sensors.add(build("mic", {"kind": "audio", "source": f"pipe:{pipe}", "voice": "off"}))
    task = asyncio.create_task(sensors.run())
    lacking = re.compile(rf"has not answered for \d+ s: nobody writes sound into {pipe}")
    try:
        await until(lambda: lacking.fullmatch(sensors.status()[0].error))
        for _ in range(2):
            writer = os.open(pipe, os.O_RDWR)
            os.write(writer, bytes(3200))
            await until(lambda: sensors.status()[0].health == "ok")
            os.close(writer)
            await until(lambda: lacking.fullmatch(sensors.status()[0].error))
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

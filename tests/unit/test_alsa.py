# SPDX-License-Identifier: GPL-3.0-or-later
"""alsa: the real recorder on ALSA's file plugin, and what it says when a card loses sound, is wrong, or goes away."""

import os
import signal
import wave
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ganglion_tools.up
from ganglion.sensors import alsa, build
from ganglion.sensors.alsa import AlsaStream, Said
from ganglion.sensors.sound import HOP, RATE, Sound, decibels

ROOM = Path(ganglion_tools.up.__file__).parent / "room.wav"


@pytest.fixture
def card(tmp_path, monkeypatch):
    """ALSA's file plugin as a microphone, the real recorder and library without a card; and cards that do not fit."""
    with wave.open(str(ROOM), "rb") as file:
        file.setpos(RATE * 2)
        (tmp_path / "mic.raw").write_bytes(file.readframes(RATE))
    conf = tmp_path / "asound.conf"
    conf.write_text(
        f"""
        pcm.mic {{ type file file /dev/null format raw slave {{ pcm null }} infile "{tmp_path / "mic.raw"}" }}
        pcm.cd {{ type share slave {{ pcm null rate 44100 channels 1 }} bindings.0 0 }}
        pcm.stereo {{ type share slave {{ pcm null rate 16000 channels 2 }} bindings {{ 0 0 1 1 }} }}
        """
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", f"/usr/share/alsa/alsa.conf:{conf}")
    return (tmp_path / "mic.raw").read_bytes()


@pytest.fixture
def hearing():
    opened = []

    def hearing(**table):
        sensor = build("mic", {"kind": "audio", "voice": "off", **table})
        sensor.source.open()
        opened.append(sensor)
        return sensor

    yield hearing
    for sensor in opened:
        sensor.source.close()


def drain(take):
    while True:
        take()


def test_a_microphone_is_read_through_alsa_to_the_last_bit(card):
    stream = AlsaStream("mic")
    heard = b""
    while len(heard) < len(card):
        heard += stream.read()
    stream.close()
    assert heard[: len(card)] == card
    assert stream.missed == 0


def test_its_levels_are_those_of_what_the_card_gave(card, hearing):
    mic = hearing(source="alsa:mic")
    for window in range(10):
        expected = Sound(10)
        expected.feed(card[window * 10 * HOP * 2 : (window + 1) * 10 * HOP * 2])
        frames = expected.take(10)[1]
        assert mic.sample()["level"] == pytest.approx(decibels(sum(frame[0] for frame in frames) / 10))


@pytest.mark.parametrize(
    ("device", "says"),
    [
        (
            "nocard",
            "alsa:nocard(: audio open error: No such file or directory)?: is it plugged in, and its driver loaded",
        ),
        ("stereo", "alsa:stereo: Channels count non available"),
        ("cd", "alsa:cd records at 44100 Hz, not at 16000: name a device that converts, such as default or plughw:0"),
    ],
)
def test_a_card_that_does_not_fit_is_named_with_what_is_wrong(card, hearing, device, says):
    mic = hearing(source=f"alsa:{device}")
    with pytest.raises(OSError, match=says):
        mic.sample()


def test_a_recorder_that_is_ended_is_an_error_and_the_next_one_is_heard(card, hearing):
    mic = hearing(source="alsa:mic")
    mic.sample()
    os.kill(mic.source._capture._stream._process.pid, signal.SIGKILL)
    with pytest.raises(OSError, match="alsa:mic: the recording has ended"):
        drain(mic.sample)
    mic.source.close()
    mic.source.open()
    assert mic.sample()["level"] > -120


def test_without_alsas_tools_their_package_is_named():
    with pytest.raises(FileNotFoundError, match="no-arecord is not installed: apt-get install alsa-utils"):
        AlsaStream("default", command="no-arecord")


def recorder(tmp_path, monkeypatch, script):
    """A program in the recorder's place: no card can be made to lose sound, or be pulled out, on demand."""
    program = tmp_path / "arecord"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_sound_that_the_card_lost_is_counted_and_said(tmp_path, monkeypatch, hearing, caplog):
    recorder(
        tmp_path,
        monkeypatch,
        "echo 'overrun!!! (at least 123.400 ms long)' >&2; head -c 6400 /dev/zero",
    )
    mic = hearing(source="alsa:mic")
    mic.sample()
    mic.sample()
    with pytest.raises(OSError, match="the recording has ended"):
        mic.sample()
    assert mic.source.missed == 13
    assert [record.getMessage() for record in caplog.records] == ["sensor.mic: the sound card lost 130 ms of sound"]
    mic.source.close()
    assert mic.source.missed == 13


def test_a_card_that_is_pulled_out_says_so(tmp_path, monkeypatch, hearing):
    recorder(
        tmp_path,
        monkeypatch,
        "head -c 3201 /dev/zero; echo 'arecord: pcm_read:2221: read error: No such device' >&2; exit 1",
    )
    mic = hearing(source="alsa:hw:1")
    assert mic.sample()["level"] == -120
    with pytest.raises(OSError, match="alsa:hw:1: read error: No such device"):
        mic.sample()


def test_a_recorder_that_does_not_end_is_ended(tmp_path, monkeypatch):
    recorder(tmp_path, monkeypatch, "trap '' TERM; head -c 320 /dev/zero; while :; do read nothing; done")
    monkeypatch.setattr(alsa, "_GRACE", 0.05)
    stream = AlsaStream("mic")
    assert stream.read() == bytes(320)
    stream.close()
    assert stream._process.returncode == -signal.SIGKILL


@given(st.lists(st.text(alphabet="overun!(atls.0123456789m:ghRcdi \n", max_size=40), max_size=5))
def test_what_a_recorder_says_is_heard_however_it_is_cut(noise):
    text = "".join(f"{line}\noverrun!!! (at least 20.000 ms long)\n" for line in noise) + "arecord: main:1: gone"
    said, whole = Said(), Said()
    for letter in text:
        said.add(letter)
    whole.add(text)
    said.end()
    whole.end()
    assert (said.missed, said.last) == (whole.missed, whole.last)
    assert said.missed >= 2 * len(noise)
    assert said.last == "gone"


def test_a_stream_that_is_cut_within_a_sample_is_put_together(tmp_path, monkeypatch):
    samples = array("h", range(1000)).tobytes()
    (tmp_path / "sound").write_bytes(samples)
    recorder(tmp_path, monkeypatch, f"dd if={tmp_path}/sound bs=7 2>/dev/null")
    stream = AlsaStream("mic")
    heard = []
    with pytest.raises(OSError, match="ended"):
        drain(lambda: heard.append(stream.read()))
    stream.close()
    assert b"".join(heard) == samples

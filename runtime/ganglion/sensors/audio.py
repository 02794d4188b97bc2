# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `audio`: how loud it is and whether somebody speaks, from a microphone or a file. Sound itself is never kept."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ganglion.errors import UsageError
from ganglion.sensors import signal
from ganglion.sensors.pcm import RATE, WIDTH, AlsaStream, Stream, WavStream, check_wav
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.sensors.voice import VoiceActivity
from ganglion.settings import duration_field

if TYPE_CHECKING:
    from pymicro_vad import MicroVad

_CHUNK = RATE // 100 * WIDTH  # 10 ms: what the voice detector takes at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSection(Section):
    """`[sensor.<name>]` with `kind = "audio"`.

    Attributes:
        source: `alsa:<device>`, for example `alsa:default`, or a WAV file of 16 kHz, 16 bits, one channel.
        every: The sound that goes into one value; a multiple of 10ms.
        loop: Whether a file begins again at its end.
        voice: `auto`: if pymicro-vad is installed; `on`: it must be; `off`.
        threshold: From which probability a chunk of 10 ms sounds like speech.
        hangover: How long speech goes on after the last such chunk; the detector itself has some 600 ms already.
    """

    source: str
    every: int = duration_field("100ms")
    loop: bool = True
    voice: str = "auto"
    threshold: float = 0.5
    hangover: int = duration_field("100ms")

    def __post_init__(self) -> None:
        if self.every % 10_000_000 or not 10_000_000 <= self.every <= 10_000_000_000:
            raise ValueError("every must be a multiple of 10ms from 10ms to 10s")
        if self.voice not in ("auto", "on", "off"):
            raise ValueError(f"voice must be auto, on or off, not {self.voice!r}")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold must be between 0 and 1, not {self.threshold}")


SECTION = AudioSection


def source(section: AudioSection, place: Place) -> Source:
    """The microphone or the file.

    Raises:
        NotFoundError, InvalidError: the file is missing or of another form.
        UsageError: pymicro-vad is asked for and not installed.
    """
    installed = find_spec("pymicro_vad") is not None
    if section.voice == "on" and not installed:
        raise UsageError(f"{place.where}.voice: needs pymicro-vad: pip install 'ganglion[audio]'")
    if not section.source.startswith("alsa:"):
        check_wav(place.resolve(section.source))
    return _Audio(section, place, voice=installed and section.voice != "off")


class _Audio(Source):
    branch = "signal.input.external.audio"
    every = 0  # sound comes at its own pace

    def __init__(self, section: AudioSection, place: Place, *, voice: bool) -> None:
        self._section = section
        self._place = place
        self._window = section.every // 10_000_000 * _CHUNK
        self._stream: Stream | None = None
        self._voice = voice
        self._detector: MicroVad | None = None
        self._activity = VoiceActivity(threshold=section.threshold, hangover=section.hangover // 10_000_000)
        self.channels = {"level": "dB", "zero_crossings": "Hz"}
        if voice:
            self.channels |= {"voice": "", "voice_probability": "1"}

    def open(self) -> None:
        name = self._section.source
        if name.startswith("alsa:"):
            self._stream = AlsaStream(name.removeprefix("alsa:"))
        else:
            self._stream = WavStream(self._place.resolve(name), loop=self._section.loop, now=time.monotonic_ns)
        if self._voice:
            from pymicro_vad import MicroVad

            self._detector = MicroVad()

    def sample(self) -> Mapping[str, Value]:
        assert self._stream is not None
        sound = self._stream.read(self._window)
        values: dict[str, Value] = {
            "level": signal.audio_level(sound),
            "zero_crossings": signal.audio_zero_crossings(sound) * RATE * WIDTH / len(sound),
        }
        if self._detector is not None:
            highest = 0.0
            for start in range(0, len(sound), _CHUNK):
                probability = self._detector.process_10ms(sound[start : start + _CHUNK])
                if probability >= 0:  # it answers -1 until it has heard enough
                    highest = max(highest, probability)
                    self._activity.add(probability)
            values |= {"voice": self._activity.active, "voice_probability": highest}
        return values

    def interrupt(self) -> None:
        if (stream := self._stream) is not None:
            stream.interrupt()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node makes of sound: levels, speech, words, noise and silence. Frames come in, values go out; no I/O."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganglion.sensors.audio_section import AudioSection, Loud, Silence
from ganglion.sensors.hysteresis import Hysteresis
from ganglion.sensors.sound import BANDS, HOP, HOP_TIME, WIDTH, decibels
from ganglion.sensors.source import Value
from ganglion.sensors.voice import VoiceActivity

if TYPE_CHECKING:
    from pymicro_vad import MicroVad

    from ganglion.sensors.wake import WakeWords

_CHUNK = HOP * WIDTH  # what the voice detector takes at a time
_WORD = 100  # frames that a wake word counts as just said: a second


class Listening:
    """Follows one stream of sound.

    Args:
        section: What is asked.
        loud, silence: Its tables, where it has them.
        voice: Whether speech is looked for.

    Attributes:
        channels: Name to UCUM unit of all that `add` returns.
    """

    def __init__(self, section: AudioSection, *, loud: Loud | None, silence: Silence | None, voice: bool) -> None:
        self._section = section
        self._looks_for_voice = voice
        self._detector: MicroVad | None = None
        self._activity = self._nobody_speaks()
        self._words: WakeWords | None = None
        self._loud = self._silence = None
        self.channels = {"level": "dB", "zero_crossings": "Hz"}
        if section.bands:
            self.channels |= {f"band_{middle}": "dB" for middle in BANDS}
        if voice:
            self.channels |= {"voice": "", "voice_probability": "1"}
        if section.wake_words:
            self.channels |= {"wake_word": ""} | dict.fromkeys(section.wake_words, "1")
        if loud is not None:
            self.channels["loud"] = ""
            self._loud = Hysteresis(high=loud.above, low=loud.end, after=1, hold=max(loud.hold // HOP_TIME, 1))
        if silence is not None:
            self.channels["silence"] = ""
            # upside down: what is quiet is high
            after = max(silence.after // HOP_TIME, 1)
            self._silence = Hysteresis(high=-silence.below, low=-silence.end, after=after, hold=1)

    def open(self) -> None:
        """Loads the detectors, with nothing heard yet."""
        self.close()
        if self._looks_for_voice:
            from pymicro_vad import MicroVad

            self._detector = MicroVad()
            self._activity = self._nobody_speaks()
        if self._section.wake_words:
            from ganglion.sensors.wake import WakeWords

            self._words = WakeWords(self._section.wake_words, hold=_WORD)

    def close(self) -> None:
        """Gives the detectors back."""
        self._detector = None
        if self._words is not None:
            self._words.close()
            self._words = None

    def add(self, sound: bytes, frames: Sequence[Sequence[float]]) -> dict[str, Value]:
        """Values of some more sound.

        Args:
            sound: Samples of `frames`.
            frames: As `ganglion.sensors.sound.Sound.take` gives them.
        """
        count = len(frames)
        values: dict[str, Value] = {
            "level": decibels(sum(frame[0] for frame in frames) / count),
            "zero_crossings": 100 * sum(frame[1] for frame in frames) / count,
        }
        if self._section.bands:
            for place, middle in enumerate(BANDS, 2):
                values[f"band_{middle}"] = decibels(sum(frame[place] for frame in frames) / count)
        if self._loud is not None:
            values["loud"] = self._at_any_time(self._loud, [decibels(frame[0]) for frame in frames])
        if self._silence is not None:
            for frame in frames:
                self._silence.add(-decibels(frame[0]))
            values["silence"] = self._silence.active
        if self._detector is not None:
            values |= self._speech(sound)
        if self._words is not None:
            values |= self._words.add(sound)
            values["wake_word"] = self._words.heard
        return values

    def _speech(self, sound: bytes) -> dict[str, Value]:
        assert self._detector is not None
        highest = 0.0
        for start in range(0, len(sound), _CHUNK):
            probability = self._detector.process_10ms(sound[start : start + _CHUNK])
            if probability >= 0:  # it answers -1 until it has heard enough
                highest = max(highest, probability)
                self._activity.add(probability)
        return {"voice": self._activity.active, "voice_probability": highest}

    def _nobody_speaks(self) -> VoiceActivity:
        return VoiceActivity(threshold=self._section.threshold, hangover=self._section.hangover // HOP_TIME)

    @staticmethod
    def _at_any_time(state: Hysteresis, levels: Sequence[float]) -> bool:
        """A bang is shorter than the sound of one value, and is not lost."""
        return max([state.add(level) for level in levels])

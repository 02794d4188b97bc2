# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips of speech in noise whose truth is known: sentences by espeak-ng in several voices, mixed at given ratios.

The same seed gives the same clips on one version of espeak-ng and NumPy. A synthetic voice is no person: rates found
with it compare versions and settings, and do not promise what a microphone in a kitchen finds.
"""

import io
import shutil
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganglion.errors import UsageError
from ganglion.sensors.sound import RATE

Samples = NDArray[np.float64]

#: What pymicro-wakeword's models know, as it is said.
WORDS = {"okay_nabu": "okay nabu", "hey_jarvis": "hey jarvis", "hey_mycroft": "hey mycroft", "alexa": "alexa"}
#: What may follow a word: nothing, or what people want then.
REQUESTS = ("", ", turn on the light", ", what is the time", ", good morning")
#: Sentences without a wake word; the last six, `SIMILAR`, are made to sound a little like one.
SENTENCES = (
    "the heating in the cellar is off since yesterday",
    "please close the window before you leave",
    "there are seven apples and two pears in the basket",
    "a quick brown fox jumps over the lazy dog",
    "the train to the coast leaves at half past nine",
    "I could not find my keys this morning",
    "water boils at a lower temperature on a mountain",
    "she sells sea shells by the sea shore",
    "the battery will be full in twenty minutes",
    "we should water the plants on the balcony",
    "nobody knows who left the garden gate open",
    "it rained the whole night and most of the day",
    "the neighbours have a new dog that barks a lot",
    "take the second road on the left after the bridge",
    "okay, never mind, I will do it tomorrow",
    "hey, Marvin is here, open the door",
    "hey, my craft beer is in the fridge",
    "Alexander and Alexis have relaxed on the terrace",
    "okay now boo, you scared me",
    "hey, jar of jam, jar of honey, which one",
)
SIMILAR = SENTENCES[-6:]
VOICES = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc", "en-029")
VARIANTS = ("", "+f2", "+f3", "+f5", "+m3", "+m7")
SPEEDS = (130, 155, 180)  # words a minute
PITCHES = (35, 50, 65)
NOISES = ("white", "pink", "hum", "babble")
#: Speech over noise in dB; None is clean, which is noise at -80 dBFS.
RATIOS = (None, 20, 10, 5, 0)

_LEVEL = 0.05 * 32767  # root mean square of speech: -23 dBFS, so that noise of the same strength does not clip
_FLOOR = 1e-4 * 32767 * 2**-0.5
_LEAD = 1.5  # seconds of noise before and after


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Some sound and what is in it.

    Attributes:
        pcm: 16 kHz, 16 bits.
        ratio: Of speech to noise in dB, None for clean.
        noise: One of `NOISES`.
        word: The wake word in it, None for none.
        speech: Where it is said, in seconds; None for noise alone.
        is_similar: Whether it sounds a little like a wake word and is none.
    """

    pcm: bytes
    ratio: int | None
    noise: str
    word: str | None
    speech: tuple[float, float] | None
    is_similar: bool = False

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / 2 / RATE


class Speaker:
    """espeak-ng, and the noises.

    Args:
        seed: Of the noises, and of who says what in a babble.

    Raises:
        UsageError: espeak-ng is not installed.
    """

    def __init__(self, seed: int = 1) -> None:
        if shutil.which("espeak-ng") is None:
            raise UsageError("speech is made by espeak-ng: apt-get install espeak-ng")
        self._random = np.random.default_rng(seed)
        self._said: dict[tuple[str, str, int, int], Samples] = {}

    def say(self, text: str, voice: str, speed: int, pitch: int) -> Samples:
        """A sentence without silence before and after it, at -23 dBFS."""
        key = (text, voice, speed, pitch)
        if key not in self._said:
            argv = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
            done = subprocess.run(argv, capture_output=True, check=True)  # noqa: S603 - no shell, and our own words
            with wave.open(io.BytesIO(done.stdout)) as file:
                rate = file.getframerate()
            heard = np.frombuffer(done.stdout[44:], dtype="<i2").astype(np.float64)
            loud = np.flatnonzero(np.abs(heard) > np.abs(heard).max() / 100)
            self._said[key] = _at(_resampled(heard[loud[0] : loud[-1] + 1], rate), _LEVEL)
        return self._said[key]

    def noise(self, kind: str, count: int) -> Samples:
        """Samples of a noise, at -23 dBFS."""
        match kind:
            case "white":
                made = self._random.normal(size=count)
            case "pink":
                spectrum = np.fft.rfft(self._random.normal(size=count))
                made = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), count)
            case "hum":  # of the mains, with what a rectifier adds
                turns = np.arange(count) / RATE
                made = sum((np.sin(2 * np.pi * 50 * n * turns) / n for n in range(1, 11)), start=np.zeros(count))
            case _:
                made = self._babble(count)
        return _at(made, _LEVEL)

    def clip(
        self,
        said: Samples | None,
        noise: str,
        ratio: int | None,
        *,
        word: str | None = None,
        rest: float = 0.0,
        is_similar: bool = False,
    ) -> Clip:
        """Speech, or none for `rest` seconds, in a noise; with a second and a half of it on both sides."""
        lead = round(_LEAD * RATE)
        length = round(rest * RATE) if said is None else len(said)
        made = (
            self.noise(noise, length + 2 * lead) if ratio is not None else self._random.normal(size=length + 2 * lead)
        )
        made = _at(made, _FLOOR if ratio is None else _LEVEL * 10 ** (-ratio / 20))
        if said is not None:
            made[lead : lead + length] += said
        pcm = np.clip(np.round(made), -32768, 32767).astype("<i2").tobytes()
        speech = None if said is None else (_LEAD, _LEAD + length / RATE)
        return Clip(pcm=pcm, ratio=ratio, noise=noise, word=word, speech=speech, is_similar=is_similar)

    def _babble(self, count: int) -> Samples:
        """Six people at once, who never pause."""
        total = np.zeros(count)
        for _ in range(6):
            voice = VOICES[self._random.integers(len(VOICES))] + VARIANTS[self._random.integers(len(VARIANTS))]
            talk = np.zeros(0)
            while len(talk) < count + RATE:
                # of the ordinary sentences: a babble that says a wake word would be no false alarm
                text = SENTENCES[self._random.integers(len(SENTENCES) - len(SIMILAR))]
                talk = np.concatenate([talk, self.say(text, voice, 155, 50)])
            start = self._random.integers(RATE)
            total += talk[start : start + count]
        return total


def clips(seed: int = 1, *, voices: int = 12, ratios: Sequence[int | None] = RATIOS) -> Iterator[Clip]:
    """Every wake word and every sentence at every ratio, in noises and voices that take turns, and noises alone.

    Args:
        seed: See `Speaker`.
        voices: How many voices say each wake word.
        ratios: Of `RATIOS`.

    Raises:
        UsageError: espeak-ng is not installed.
    """
    speaker = Speaker(seed)
    turn = 0
    for ratio in ratios:
        for each in range(voices):
            for place, (word, spoken) in enumerate(WORDS.items()):
                text = spoken + REQUESTS[(each + place) % len(REQUESTS)]
                yield speaker.clip(_said(speaker, text, each), _noise(turn), ratio, word=word)
                turn += 1
        for each, sentence in enumerate(SENTENCES):
            # each sentence by as many voices as a word has for each of them, and at least by one
            for other in range(max(voices // 4, 1)):
                said = _said(speaker, sentence, each + 5 * other)
                yield speaker.clip(said, _noise(turn), ratio, is_similar=sentence in SIMILAR)
                turn += 1
    for noise in NOISES:
        for ratio in ratios:
            yield speaker.clip(None, noise, ratio, rest=4.0 * max(voices // 4, 1))


def _said(speaker: Speaker, text: str, turn: int) -> Samples:
    voice = VOICES[turn % len(VOICES)] + VARIANTS[turn // 2 % len(VARIANTS)]
    return speaker.say(text, voice, SPEEDS[turn % len(SPEEDS)], PITCHES[turn // 3 % len(PITCHES)])


def _noise(turn: int) -> str:
    return NOISES[turn % len(NOISES)]


def _at(samples: Samples, level: float) -> Samples:
    """The same, with another root mean square."""
    result: Samples = samples * (level / np.sqrt(np.mean(samples**2)))
    return result


def _resampled(samples: Samples, rate: int) -> Samples:
    """At 16 kHz, by leaving out what its spectrum has above."""
    step = np.gcd(rate, RATE)
    padded = np.pad(samples, (0, -len(samples) % (rate // step)))
    count = len(padded) // (rate // step) * (RATE // step)
    result: Samples = np.fft.irfft(np.fft.rfft(padded)[: count // 2 + 1], count) * (count / len(padded))
    return result

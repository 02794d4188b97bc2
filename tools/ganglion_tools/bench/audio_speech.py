# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a node hears, on speech in noise whose truth is known, and what hearing costs."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from statistics import fmean, median

import numpy as np

from ganglion.errors import UsageError
from ganglion.sensors import build, wake
from ganglion.sensors.audio_section import AudioSection
from ganglion.sensors.listening import Listening
from ganglion.sensors.sound import BANDS, HOP, RATE, Sound
from ganglion.sensors.source import Value
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.speech import WORDS, Clip, clips
from ganglion_tools.bench.timing import Contestant, nanoseconds

_SLACK = 0.5  # seconds after its end in which speech still counts as found
_REFRACTORY = 1.0  # seconds after a wake word in which the same is not heard again


@dataclass(slots=True, kw_only=True)
class Heard:
    """Counts over some clips.

    Attributes:
        speech, found: Clips with speech, and those of them in which speech was heard. Babble is speech itself, and in
            neither.
        covered: Shares of the time of speech in which it was heard.
        onsets: By how many ms later speech was heard than it began, of those that were found, in which nothing had been
            heard before; early where that is negative.
        early: Clips in which speech was heard before there was any.
        noises, alarms: Clips of noise without speech, and those in which speech was heard all the same.
        words, heard: Clips with a wake word, and those in which it was heard.
        by_word: The same for each.
        hours: Of sound.
        wrong, similar: Wake words heard that nobody said, and those of them in sentences made to sound like one.
    """

    speech: int = 0
    found: int = 0
    covered: list[float] = field(default_factory=list)
    onsets: list[float] = field(default_factory=list)
    early: int = 0
    noises: int = 0
    alarms: int = 0
    words: int = 0
    heard: int = 0
    by_word: dict[str, list[int]] = field(default_factory=dict)
    hours: float = 0.0
    wrong: int = 0
    similar: int = 0

    def summary(self) -> dict[str, object]:
        """Rates, None where nothing was there to count."""
        return {
            "speech_clips": self.speech,
            "speech_found": _share(self.found, self.speech),
            "speech_covered": round(fmean(self.covered), 3) if self.covered else None,
            "speech_early": _share(self.early, self.speech),
            "onset_ms_median": round(median(self.onsets)) if self.onsets else None,
            "onset_ms_p90": round(float(np.percentile(self.onsets, 90))) if self.onsets else None,
            "noise_clips": self.noises,
            "noise_alarms": _share(self.alarms, self.noises),
            "word_clips": self.words,
            "words_heard": _share(self.heard, self.words),
            "by_word": {word: _share(heard, said) for word, (said, heard) in sorted(self.by_word.items())},
            "hours": round(self.hours, 3),
            "wrong_words": self.wrong,
            "wrong_words_in_similar_sentences": self.similar,
            "wrong_words_per_hour": round(self.wrong / self.hours, 1) if self.hours else None,
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def evaluate(made: Iterable[Clip]) -> dict[int | None, Heard]:
    """What the node's own code hears in the clips, by their ratio of speech to noise.

    Raises:
        UsageError: pymicro-vad or pymicro-wakeword is not installed.
    """
    if find_spec("pymicro_vad") is None or not (known := wake.models()):
        raise UsageError("to hear speech and words: pip install 'ganglion[audio]'")
    cutoffs = {word: json.loads(known[word].read_text())["micro"]["probability_cutoff"] for word in WORDS}
    listening = Listening(
        AudioSection(kind="audio", source="", wake_words=tuple(WORDS)), loud=None, silence=None, voice=True
    )
    results: dict[int | None, Heard] = {}
    for clip in made:
        _judge(clip, list(_follow(listening, clip)), cutoffs, results.setdefault(clip.ratio, Heard()))
    listening.close()
    return results


def _follow(listening: Listening, clip: Clip) -> Iterator[dict[str, Value]]:
    """Values of every 10 ms."""
    listening.open()
    sound = Sound(len(clip.pcm) // 2 // HOP + 1)
    sound.feed(clip.pcm)
    while (taken := sound.take(1)) is not None:
        yield listening.add(*taken)


def _judge(clip: Clip, values: Sequence[dict[str, Value]], cutoffs: dict[str, float], to: Heard) -> None:
    spoken = [place / 100 for place, value in enumerate(values) if value["voice"]]
    if clip.speech is None:
        # a babble is speech: a detector that hears it is right
        if clip.noise != "babble" or clip.ratio is None:
            to.noises += 1
            to.alarms += bool(spoken)
    elif clip.noise != "babble" or clip.ratio is None:
        start, end = clip.speech
        to.speech += 1
        to.found += any(start <= moment <= end + _SLACK for moment in spoken)
        to.covered.append(sum(start <= moment < end for moment in spoken) / (100 * (end - start)))
        if spoken and spoken[0] < start:
            to.early += 1
        elif spoken and spoken[0] <= end + _SLACK:
            to.onsets.append(1000 * (spoken[0] - start))
    to.hours += clip.seconds / 3600
    for word, cutoff in cutoffs.items():
        moments = [place / 100 for place, value in enumerate(values) if float(value[word]) > cutoff]
        if word != clip.word or clip.speech is None:
            to.wrong += _events(moments)
            to.similar += _events(moments) if clip.is_similar else 0
            continue
        is_heard = any(moment > clip.speech[0] for moment in moments)
        said = to.by_word.setdefault(word, [0, 0])
        said[0] += 1
        said[1] += is_heard
        to.words += 1
        to.heard += is_heard


def _events(moments: Iterable[float]) -> int:
    count, last = 0, -_REFRACTORY
    for moment in moments:
        count += moment - last >= _REFRACTORY
        last = moment
    return count


def table(results: dict[int | None, Heard]) -> dict[str, object]:
    """Summaries by ratio as JSON has them: `clean`, `20 dB`, …"""
    return {"clean" if ratio is None else f"{ratio} dB": heard.summary() for ratio, heard in results.items()}


def speech_figures(results: dict[int | None, Heard]) -> list[Figure]:
    """Rates in percent. They have no goal: these voices are not people, and nothing else is measured beside them."""
    figures = []
    for ratio, heard in results.items():
        where = "clean" if ratio is None else f"{ratio} dB"
        rows = (
            ("speech found", heard.found, heard.speech, True),
            ("noise taken for speech", heard.alarms, heard.noises, False),
            ("wake words heard", heard.heard, heard.words, True),
        )
        for name, part, whole, more in rows:
            if whole:
                value = 100 * part / whole
                figures.append(figure(name=f"{name}, {where}", unit="%", value=value, more_is_better=more))
        if heard.onsets:
            onset = median(heard.onsets)
            figures.append(figure(name=f"speech found after, {where}", unit="ms", value=onset, more_is_better=False))
    hours, wrong = sum(heard.hours for heard in results.values()), sum(heard.wrong for heard in results.values())
    value = wrong / hours if hours else 0.0
    figures.append(figure(name="wake words that nobody said", unit="1/h", value=value, more_is_better=False))
    return figures


def _writer(path: str, seconds: float) -> list[str]:
    """A program that writes noise at the pace of a microphone, as often as `arecord` is made to."""
    script = (
        "import sys, time, random\n"
        "sound = random.Random(1).randbytes(1280)\n"
        "with open(sys.argv[1], 'wb', buffering=0) as pipe:\n"
        "    began = time.monotonic()\n"
        "    for step in range(int(float(sys.argv[2]) * 25)):\n"
        "        time.sleep(max(began + step / 25 - time.monotonic(), 0))\n"
        "        pipe.write(sound)\n"
    )
    return [sys.executable, "-c", script, path, str(seconds)]


def listening_share(seconds: float = 10.0, **table: object) -> float:
    """Percent of one core that a sensor of kind `audio` takes, at the pace of a microphone: pipe, thread, features, and
    what else is asked. The recorder of a sound card is a process of its own and not in it.

    Args:
        seconds: How long it listens.
        table: Keys of its section.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sound")
        os.mkfifo(path)
        mic = build("mic", {"kind": "audio", "source": f"pipe:{path}"} | table)
        mic.source.open()
        with subprocess.Popen(_writer(path, seconds)):  # noqa: S603 - our own script
            mic.sample()
            wall, used = time.monotonic(), time.process_time()
            with contextlib.suppress(OSError):  # the writer has written all and closes
                while True:
                    mic.sample()
            share = 100 * (time.process_time() - used) / (time.monotonic() - wall)
            mic.source.close()
    return share


def _second() -> bytes:
    noise = np.random.default_rng(1).normal(0, 3000, RATE)
    return np.round(noise).astype("<i2").tobytes()


def features() -> dict[str, float]:
    """Nanoseconds for level, crossings and octaves of one second of sound, in pieces of 100 ms, by each contestant."""
    pcm, piece = _second(), RATE // 10 * 2
    pieces = [pcm[start : start + piece] for start in range(0, len(pcm), piece)]

    def ours(rounds: int) -> int:
        sound, count = Sound(10, bands=True), 0
        for _ in range(rounds):
            for each in pieces:
                sound.feed(each)
                taken = sound.take(10)
                count += 0 if taken is None else len(taken[1])
        return count

    window = np.hanning(513)[:512]
    edges = np.searchsorted(np.arange(257) * RATE / 512, [middle * 2**-0.5 for middle in _exact()])

    def with_numpy(rounds: int) -> int:
        past, count = np.zeros(512 - HOP), 0
        for _ in range(rounds):
            for each in pieces:
                samples = np.frombuffer(each, dtype="<i2").astype(np.float64)
                frames = samples.reshape(-1, HOP)
                levels = np.mean(frames * frames, axis=1)
                crossings = np.sum(np.diff(np.signbit(frames), axis=1), axis=1)
                heard = np.concatenate([past, samples])
                past = heard[len(samples) :]
                windows = np.lib.stride_tricks.sliding_window_view(heard, 512)[::HOP]
                powers = np.abs(np.fft.rfft(windows * window)) ** 2
                bands = np.add.reduceat(powers, edges, axis=1)
                count += min(len(levels), len(crossings), len(bands))
        return count

    return nanoseconds(
        [Contestant(name="native", run=ours, expected=100), Contestant(name="NumPy", run=with_numpy, expected=100)],
        rounds=5,
    )


def _exact() -> list[float]:
    """Middles of the octaves in Hz; 63 is the name of 62.5."""
    return [1000 * 2.0**place for place in range(-4, len(BANDS) - 4)]


def cost_figures(seconds: float = 10.0) -> list[Figure]:
    """What hearing costs: the goal for sound and motion together is 25 % of a core."""
    taken = features()
    ways: tuple[tuple[str, dict[str, object]], ...] = (
        ("sound with octaves, A-weighted", {"voice": "off", "bands": True, "weighting": "A"}),
        ("sound with voice activity", {"voice": "on"}),
        ("sound with voice activity and a wake word", {"voice": "on", "wake_words": ["okay_nabu"]}),
    )
    shares = [
        figure(name=name, unit="% of a core", value=listening_share(seconds, **table), more_is_better=False)
        for name, table in ways
    ]
    return [
        *shares,
        figure(
            name="level, crossings and octaves of 1 s of sound",
            unit="ns",
            value=taken["native"],
            more_is_better=False,
            peer="NumPy",
            peer_value=taken["NumPy"],
            goal=1.0,
        ),
    ]


def figures() -> list[Figure]:
    """All: what it costs, and how well it hears."""
    return cost_figures() + speech_figures(evaluate(clips()))

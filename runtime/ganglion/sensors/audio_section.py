# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a sensor of kind `audio`, and of the tables inside it."""

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from ganglion.sensors.sound import HOP_TIME, RATE, WIDTH
from ganglion.sensors.source import Section
from ganglion.settings import duration_field, size_field


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSection(Section):
    """`[sensor.<name>]` with `kind = "audio"`.

    Attributes:
        source: `alsa:<device>`, for example `alsa:default`; `pipe:<path>` of a named pipe with raw sound of 16 kHz, 16
            bits, one channel; or a WAV file of that form.
        every: The sound that goes into one value; a multiple of 10ms.
        loop: Whether a file begins again at its end.
        weighting: Of `level`: `Z`, as it is, or `A`, as people hear (IEC 61672-1).
        bands: Whether there is a channel for the level of each octave, `band_63` to `band_8000`.
        voice: `auto`: if pymicro-vad is installed; `on`: it must be; `off`.
        threshold: From which probability a chunk of 10 ms sounds like speech.
        hangover: How long speech goes on after the last such chunk; the detector itself has some 600 ms already.
        wake_words: Words that are listened for, of those that pymicro-wakeword brings, such as `okay_nabu`.
        loud: A `Loud` table: there is a channel `loud` then.
        silence: A `Silence` table: there is a channel `silence` then.
        record: A `Record` table. Without it no sound is ever kept.
    """

    source: str
    every: int = duration_field("100ms")
    loop: bool = True
    weighting: str = "Z"
    bands: bool = False
    voice: str = "auto"
    threshold: float = 0.5
    hangover: int = duration_field("100ms")
    wake_words: tuple[str, ...] = ()
    loud: dict[str, Any] = field(default_factory=dict)
    silence: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every % HOP_TIME or not HOP_TIME <= self.every <= 10_000_000_000:
            raise ValueError("every must be a multiple of 10ms from 10ms to 10s")
        if self.weighting not in ("A", "Z"):
            raise ValueError(f"weighting must be A or Z, not {self.weighting!r}")
        if self.voice not in ("auto", "on", "off"):
            raise ValueError(f"voice must be auto, on or off, not {self.voice!r}")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold must be between 0 and 1, not {self.threshold}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loud:
    """`loud`, of the level of each 10 ms in dBFS.

    Attributes:
        above: It begins with the first that is this loud.
        below: It ends when all were quieter than this for `hold`; 6 dB under `above` where nothing is said.
        hold: See `below`.
    """

    above: float
    below: float | None = None
    hold: int = duration_field("1s")

    def __post_init__(self) -> None:
        if self.below is not None and self.below > self.above:
            raise ValueError("below must not be higher than above")

    @property
    def end(self) -> float:
        """`below`, with what it is where nothing is said."""
        return self.above - 6 if self.below is None else self.below


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """`silence`, of the level of each 10 ms in dBFS.

    Attributes:
        below: It begins when all were at most this loud for `after`.
        above: It ends when one is louder than this; 6 dB over `below` where nothing is said.
        after: See `below`.
    """

    below: float
    above: float | None = None
    after: int = duration_field("2s")

    def __post_init__(self) -> None:
        if self.above is not None and self.above < self.below:
            raise ValueError("above must not be lower than below")

    @property
    def end(self) -> float:
        """`above`, with what it is where nothing is said."""
        return self.below + 6 if self.above is None else self.above


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`record`: sound is written to WAV files while something holds, and never else.

    Attributes:
        when: `loud`, `voice` or `wake_word`.
        before: Sound from before that, up to 30s; that much is in memory all the time.
        after: Sound from after it, up to 10m.
        longest: Of one file, up to 1h; what is longer goes on in the next one.
        folder: In the node's state folder, and never outside it; `recordings/<sensor>` where nothing is said.
        keep: How much room the files may take, such as `64MB`; the oldest go.
        files: How many there may be.
    """

    when: str
    before: int = duration_field("2s")
    after: int = duration_field("5s")
    longest: int = duration_field("1m")
    folder: str = ""
    keep: int = size_field("64MB")
    files: int = 100

    def __post_init__(self) -> None:
        if self.when not in ("loud", "voice", "wake_word"):
            raise ValueError(f"when must be loud, voice or wake_word, not {self.when!r}")
        if (folder := PurePath(self.folder)).is_absolute() or ".." in folder.parts:
            raise ValueError(
                f"folder {self.folder!r} must be inside the node's state folder: it begins with no / and has no .."
            )
        if not self.before <= 30_000_000_000:
            raise ValueError("before must be at most 30s")
        if not self.after <= 600_000_000_000:
            raise ValueError("after must be at most 10m")
        if not max(self.before, 1_000_000_000) <= self.longest <= 3600_000_000_000:
            raise ValueError("longest must be from 1s to 1h, and not shorter than before")
        if self.files < 1:
            raise ValueError("files must be at least 1")
        if self.keep < self.longest * RATE * WIDTH // 1_000_000_000 + 65536:
            raise ValueError(f"keep = {self.keep} bytes has no room for one file of the longest: 1m takes 2MB")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `audio`: how loud it is, whether somebody speaks, whether a word is said; from a microphone, a pipe or a file.

Sound is kept only where the section has `record`, and the channel `recording` says when.
"""

import logging
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from ganglion import extras
from ganglion.errors import InvalidError, UsageError
from ganglion.sensors import wake
from ganglion.sensors.audio_section import AudioSection, Loud, Record, Silence
from ganglion.sensors.capture import Capture
from ganglion.sensors.listening import Listening
from ganglion.sensors.pcm import PipeStream, Stream, WavStream, check_wav
from ganglion.sensors.recording import Recorder, Shelf
from ganglion.sensors.sound import HOP_TIME, RATE, WIDTH, Sound
from ganglion.sensors.source import Place, Source, Value
from ganglion.settings import nearest, read

_log = logging.getLogger(__name__)

#: Frames that may wait beside those of one value: two seconds, while the detectors or a disk are slow.
_WAITING = 200

#: Sound cards that may be named from afar. ALSA's names have arguments, and its plugin `file` runs a command.
_CARD = "alsa:(default|sysdefault|(plug)?hw(:[A-Za-z0-9_=,]+)?)"

SECTION = AudioSection

T = TypeVar("T")


def source(section: AudioSection, place: Place) -> Source:
    """The microphone, the pipe or the file.

    Raises:
        NotFoundError, InvalidError: the file is missing or of another form, or a table is wrong.
        RefusedError: a section from afar names no plain sound card.
        UsageError: pymicro-vad or pymicro-wakeword is asked for and not installed.
    """
    if section.source.startswith("alsa:"):
        place.agree("source", section.source, _CARD)
    has_voice = place.replayed or find_spec("pymicro_vad") is not None
    if section.voice == "on" and not has_voice:
        raise UsageError(f"{place.where}.voice: needs pymicro-vad: {extras.remedy('audio', 'pymicro_vad')}")
    if not place.replayed:
        _check_words(section, place)
        if section.source.startswith("pipe:"):
            place.resolve(section.source.removeprefix("pipe:"))  # from afar it may be refused
        elif not section.source.startswith("alsa:"):
            check_wav(place.resolve(section.source))
    listening = Listening(
        section,
        loud=_table(Loud, section.loud, f"{place.where}.loud"),
        silence=_table(Silence, section.silence, f"{place.where}.silence"),
        voice=has_voice and section.voice != "off",
    )
    record = _table(Record, section.record, f"{place.where}.record")
    if record is not None and record.when not in listening.channels:
        remedy = {"voice": extras.remedy("audio", "pymicro_vad"), "wake_word": 'wake_words = ["okay_nabu"]'}
        raise InvalidError(
            f"nobody looks for {record.when}: {remedy.get(record.when, 'loud = {above = -20}')}",
            where=f"{place.where}.record.when",
        )
    return _Audio(section, place, listening, record)


def _table(cls: type[T], table: Mapping[str, Any], where: str) -> T | None:
    return read(cls, table, where) if table else None


def _check_words(section: AudioSection, place: Place) -> None:
    known = wake.models()
    if section.wake_words and not known:
        raise UsageError(
            f"{place.where}.wake_words: needs pymicro-wakeword: {extras.remedy('audio', 'pymicro_wakeword')}"
        )
    for word in section.wake_words:
        if word not in known:
            raise InvalidError(f"no model for {word!r}{nearest(word, known)}", where=f"{place.where}.wake_words")


class _Audio(Source):
    branch = "signal.input.external.audio"
    every = 0  # sound comes at its own pace

    def __init__(self, section: AudioSection, place: Place, listening: Listening, record: Record | None) -> None:
        self._section = section
        self._place = place
        self._listening = listening
        self._frames = section.every // HOP_TIME
        self._capture: Capture | None = None
        self._missed_before = 0
        self._is_loss_told = False
        if (
            section.source.startswith("pipe:") and not place.replayed
        ):  # it waits for the next who writes, also after one that has ended
            self.lacks = f"nobody writes sound into {place.resolve(section.source.removeprefix('pipe:'))}"
        self._record = record
        self._recorder = None if record is None else self._recorder_of(record)
        self.channels = dict(listening.channels)
        if record is not None:
            self.channels["recording"] = ""

    @property
    def missed(self) -> int:
        """Frames of 10 ms that the sound card lost."""
        capture = self._capture  # read once: the thread of the source may close it meanwhile
        return self._missed_before + (0 if capture is None else capture.missed)

    def open(self) -> None:
        self._listening.open()
        self._is_loss_told = False
        sound = Sound(self._frames + _WAITING, self._section.weighting == "A", self._section.bands)
        self._capture = Capture(self._stream(), sound, name=f"sound {self._place.where}")

    def sample(self) -> Mapping[str, Value]:
        assert self._capture is not None
        sound, frames = self._capture.take(self._frames)
        if self._capture.missed and not self._is_loss_told:
            self._is_loss_told = True  # once each time it is opened: the status counts them all
            _log.warning("%s: the sound card lost %d ms of sound", self._place.where, 10 * self._capture.missed)
        values = self._listening.add(sound, frames)
        if self._recorder is not None and self._record is not None:
            values["recording"] = self._recorder.add(sound, bool(values[self._record.when]))
        return values

    def interrupt(self) -> None:
        if (capture := self._capture) is not None:
            capture.interrupt()

    def close(self) -> None:
        if self._capture is not None:
            self._missed_before = self.missed
            self._capture.close()
            self._capture = None
        self._listening.close()
        if self._recorder is not None:
            self._recorder.close()

    def _stream(self) -> Stream:
        name = self._section.source
        if name.startswith("alsa:"):
            from ganglion.sensors.alsa import AlsaStream

            return AlsaStream(name.removeprefix("alsa:"))
        if name.startswith("pipe:"):
            return PipeStream(self._place.resolve(name.removeprefix("pipe:")))
        return WavStream(self._place.resolve(name), loop=self._section.loop, now=time.monotonic_ns)

    def _recorder_of(self, record: Record) -> Recorder:
        folder = Path(record.folder or f"recordings/{self._place.where.rpartition('.')[2]}")
        return Recorder(
            Shelf(self._place.state(str(folder)), room=record.keep, files=record.files),
            before=_bytes(record.before),
            after=_bytes(record.after),
            longest=_bytes(record.longest),
            now=time.time_ns,
        )


def _bytes(nanoseconds: int) -> int:
    return nanoseconds * RATE // 1_000_000_000 * WIDTH

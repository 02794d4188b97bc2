# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound kept because a rule said so: WAV files in a folder that is bounded, with some sound from before and after."""

import logging
import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ganglion.sensors.sound import RATE, WIDTH

_log = logging.getLogger(__name__)

_HEADER = 44  # bytes of a WAV file before its sound
#: Of a file that is being written; what has it after a crash is completed at the next start.
_UNFINISHED = ".part"


def header(size: int) -> bytes:
    """What stands before `size` bytes of sound in a WAV file (RIFF, plain PCM)."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * WIDTH, WIDTH, 8 * WIDTH)
    return b"RIFF" + struct.pack("<I", _HEADER - 8 + size) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)


class Shelf:
    """A folder of recordings that never holds more than it may. Only its owner can look into it.

    Args:
        folder: Made where there is none.
        room: Bytes of all files.
        files: How many.
    """

    def __init__(self, folder: Path, *, room: int, files: int) -> None:
        self._folder = folder
        self._room = room
        self._files = files

    def open(self, name: str, most: int) -> tuple[Path, BinaryIO]:
        """A new file that may grow to `most` bytes of sound; the oldest give way to it.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._folder.glob(f"*{_UNFINISHED}"):
            self.finish(left)
        self._make_room(_HEADER + most)
        tries = 0
        while True:
            path = self._folder / f"{name}{f'-{tries}' if tries else ''}.wav{_UNFINISHED}"
            try:
                if path.with_suffix("").exists():  # the clock was set back
                    raise FileExistsError(path)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                break
            except FileExistsError:
                tries += 1
        file = os.fdopen(descriptor, "wb", buffering=0)
        file.write(header(0))
        return path, file

    def finish(self, path: Path) -> None:
        """Completes a file that was being written: its header says how long it is, and it gets its name.

        Raises:
            OSError: it cannot be written.
        """
        sound = (path.stat().st_size - _HEADER) // WIDTH * WIDTH
        if sound <= 0:
            path.unlink()
            return
        with path.open("r+b") as file:
            file.write(header(sound))
            file.truncate(_HEADER + sound)
        path.rename(path.with_suffix(""))

    def _make_room(self, wanted: int) -> None:
        kept = sorted(self._folder.glob("*.wav"))
        sizes = [path.stat().st_size for path in kept]
        while kept and (len(kept) >= self._files or sum(sizes) + wanted > self._room):
            kept.pop(0).unlink()
            sizes.pop(0)


class Recorder:
    """Takes all sound, and keeps on the shelf what is asked for. A disk that does not write stops no sensor.

    Args:
        shelf: Where files go.
        before, after, longest: Bytes of sound; see `ganglion.sensors.audio_section.Record`.
        now: Nanoseconds since the Unix epoch, for the names of the files.
    """

    def __init__(self, shelf: Shelf, *, before: int, after: int, longest: int, now: Callable[[], int]) -> None:
        self._shelf = shelf
        self._before = before
        self._after = after
        self._longest = longest
        self._now = now
        self._past = bytearray()
        self._left = 0
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._written = 0
        self._error = ""

    def add(self, sound: bytes, asked: bool) -> bool:
        """Some more sound, and whether it is asked for; returns whether it was written."""
        is_kept = asked or self._left > 0
        self._left = self._after if asked else self._left - len(sound)
        try:
            if is_kept:
                self._write(sound)
            if self._written >= self._longest or not (asked or self._left > 0):
                self._finish()
        except OSError as error:
            self._failed(error)
            self._remember(sound)
            return False
        if not is_kept:
            self._remember(sound)
        else:
            self._error = ""
        return is_kept

    def close(self) -> None:
        """Ends the file, and forgets what was not asked for."""
        self._left = 0
        self._past.clear()
        try:
            self._finish()
        except OSError as error:
            self._failed(error)

    def _remember(self, sound: bytes) -> None:
        self._past += sound
        del self._past[: max(len(self._past) - self._before, 0)]

    def _write(self, sound: bytes) -> None:
        if self._file is None:
            sound = bytes(self._past) + sound
            self._past.clear()
            began = self._now() - len(sound) // WIDTH * 1_000_000_000 // RATE
            stamp = datetime.fromtimestamp(began // 1_000_000 / 1000, UTC)
            name = stamp.strftime("%Y-%m-%dT%H-%M-%S.") + f"{stamp.microsecond // 1000:03d}Z"
            self._path, self._file = self._shelf.open(name, self._longest + len(sound))
        rest = memoryview(sound)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._written += len(sound)

    def _finish(self) -> None:
        file, self._file = self._file, None
        path, self._path = self._path, None
        self._written = 0
        if file is not None and path is not None:
            file.close()
            self._shelf.finish(path)

    def _failed(self, error: OSError) -> None:
        if str(error) != self._error:
            self._error = str(error)
            _log.warning("no recording is kept: %s", error)
        self._left = self._written = 0
        if self._file is not None:
            self._file.close()
        self._file = self._path = None

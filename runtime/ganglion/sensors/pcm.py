# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams of raw sound, signed 16-bit, 16 kHz, one channel: from a WAV file at real pace, or from a named pipe."""

import os
import select
import stat
import threading
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ganglion.errors import InvalidError, NotFoundError
from ganglion.sensors.sound import RATE, WIDTH

#: Samples that a file gives at a time: 20 ms.
_STEP = RATE // 50
#: What is read of a pipe at a time, at most: as much as Linux lets wait in one.
READ = 65536


class Stream(Protocol):
    """Sound as it arrives."""

    @property
    def missed(self) -> int:
        """Frames of 10 ms that were lost before they came here."""
        ...

    def read(self) -> bytes:
        """What has come since, once there is some: whole samples.

        Raises:
            OSError: the source has ended or was interrupted; the message says what it said last.
        """
        ...

    def interrupt(self) -> None:
        """From any thread: `read` raises soon."""
        ...

    def close(self) -> None: ...


def check_wav(path: Path) -> None:
    """Refuses what cannot be played as it is.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is no WAV file, or not one of 16 kHz, 16 bits and one channel.
    """
    try:
        if not path.is_file() and path.exists():
            raise InvalidError("is no file", where=str(path))
        with wave.open(str(path), "rb") as file:
            form = (file.getframerate(), 8 * file.getsampwidth(), file.getnchannels())
            sound = file.readframes(1)
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except OSError as error:
        raise InvalidError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (wave.Error, EOFError) as error:
        raise InvalidError(f"no WAV file of plain PCM: {error or 'it is cut off'}", where=str(path)) from error
    if form != (RATE, 8 * WIDTH, 1):
        said = f"has {form[0]} Hz, {form[1]} bits, {form[2]} channels"
        raise InvalidError(f"{said}; make it 16 kHz mono: sox in.wav -r 16000 -c 1 -b 16 out.wav", where=str(path))
    if len(sound) < WIDTH:
        raise InvalidError("holds no sound", where=str(path))


class WavStream:
    """A file as a microphone would give it: no sample before its time.

    Args:
        path: A WAV file that `check_wav` lets pass.
        loop: Whether it begins again at its end.
        now: Nanoseconds; the pace.
    """

    missed = 0

    def __init__(self, path: Path, *, loop: bool, now: Callable[[], int]) -> None:
        self._file = wave.open(str(path), "rb")  # noqa: SIM115 - `close` closes it
        self._loop = loop
        self._now = now
        self._began = now()
        self._samples = 0
        self._interrupted = threading.Event()

    def read(self) -> bytes:
        if not (data := self._next()):
            if not self._loop:
                raise OSError("the file has ended")
            self._file.rewind()
            if not (data := self._next()):
                raise OSError("the file holds no sound any more")
        self._samples += len(data) // WIDTH
        wait = self._samples / RATE - (self._now() - self._began) / 1e9
        if wait < -1:  # the machine slept, or who hears is slow: the pace is that of now, and nothing is left out
            self._began = self._now()
            self._samples = 0
        elif self._interrupted.wait(max(wait, 0)):
            raise OSError("interrupted")
        return data

    def _next(self) -> bytes:
        data = self._file.readframes(_STEP)
        return data[: len(data) // WIDTH * WIDTH]  # a file that is cut off may end within a sample

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self._file.close()


class PipeStream:
    """A named pipe (`mkfifo`) that another program writes raw sound into, at the pace of that program.

    Raises:
        OSError: there is no such pipe, or it is none.
    """

    missed = 0

    def __init__(self, path: Path) -> None:
        try:
            if not path.is_fifo() and path.exists():  # opening may do something, where it is a device
                raise OSError(f"{path} is no named pipe; a WAV file is given without pipe:")
            # without a writer an open that waits would wait for ever
            self._pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} does not exist: mkfifo {path}") from None
        if not stat.S_ISFIFO(os.fstat(self._pipe).st_mode):
            os.close(self._pipe)
            raise OSError(f"{path} is no named pipe; a WAV file is given without pipe:")
        self._path = path
        self._half = b""
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def read(self) -> bytes:
        while True:
            if self._wake in dict(self._poll.poll()):
                raise OSError("interrupted")
            if not (more := os.read(self._pipe, READ)):
                raise OSError(f"who writes {self._path} has closed it")
            data = self._half + more
            whole = len(data) // WIDTH * WIDTH
            data, self._half = data[:whole], data[whole:]
            if data:
                return data

    def interrupt(self) -> None:
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        os.close(self._pipe)
        os.close(self._wake)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams of raw sound, signed 16-bit, 16 kHz, one channel: from a WAV file at real pace, or from ALSA's `arecord`."""

import subprocess
import threading
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ganglion.errors import InvalidError, NotFoundError

RATE = 16_000  # Hz
WIDTH = 2  # bytes a sample


class Stream(Protocol):
    """Sound as it arrives."""

    def read(self, count: int) -> bytes:
        """The next `count` bytes, once they are there.

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
        with wave.open(str(path), "rb") as file:
            form = (file.getframerate(), 8 * file.getsampwidth(), file.getnchannels())
            sound = file.readframes(1)
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except (wave.Error, EOFError) as error:
        raise InvalidError(f"no WAV file of plain PCM: {error or 'it is cut off'}", where=str(path)) from error
    if form != (RATE, 8 * WIDTH, 1):
        said = f"has {form[0]} Hz, {form[1]} bits, {form[2]} channels"
        raise InvalidError(f"{said}; make it 16 kHz mono: sox in.wav -r 16000 -c 1 -b 16 out.wav", where=str(path))
    if len(sound) < WIDTH:
        raise InvalidError("holds no sound", where=str(path))


class WavStream:
    """A file as a microphone would give it: no byte before its time.

    Args:
        path: A WAV file that `check_wav` lets pass.
        loop: Whether it begins again at its end.
        now: Nanoseconds; the pace.
    """

    def __init__(self, path: Path, *, loop: bool, now: Callable[[], int]) -> None:
        self._file = wave.open(str(path), "rb")  # noqa: SIM115 - `close` closes it
        self._loop = loop
        self._now = now
        self._began = now()
        self._frames = 0
        self._interrupted = threading.Event()

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._frames_of(count - len(data))
            if not more:
                if not self._loop:
                    raise OSError("the file has ended")
                self._file.rewind()
                if not (more := self._frames_of(count - len(data))):
                    raise OSError("the file holds no sound any more")
            data += more
        self._frames += count // WIDTH
        wait = self._frames / RATE - (self._now() - self._began) / 1e9
        if wait < -1:  # the machine slept: a microphone would have lost that sound too
            self._began = self._now()
            self._frames = 0
        elif self._interrupted.wait(max(wait, 0)):
            raise OSError("interrupted")
        return data

    def _frames_of(self, count: int) -> bytes:
        data = self._file.readframes(count // WIDTH)
        return data[: len(data) // WIDTH * WIDTH]  # a file that is cut off may end within a sample

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self._file.close()


class AlsaStream:
    """A sound card by its ALSA name, read through `arecord` (Debian: alsa-utils).

    Args:
        device: `default`, `hw:1,0`, … as `arecord -L` lists them.
        command: The program.

    Raises:
        FileNotFoundError: there is no such program.
    """

    def __init__(self, device: str, *, command: str = "arecord") -> None:
        argv = [command, "-q", "-D", device, "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(RATE)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and the device is the operator's word
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except FileNotFoundError:
            raise FileNotFoundError(f"{command} is not installed: apt-get install alsa-utils") from None

    def read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(count)
        if len(data) < count:
            self._process.terminate()
            assert self._process.stderr is not None
            said = self._process.stderr.read().decode(errors="replace").strip()
            raise OSError(said.splitlines()[-1] if said else "the recording has ended")
        return data

    def interrupt(self) -> None:
        self._process.terminate()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

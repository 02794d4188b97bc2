# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound card as a stream of raw sound, by ALSA's own recorder `arecord`; what that says is heard too."""

import contextlib
import math
import os
import re
import select
import subprocess

from ganglion.linux.device import sound_refusal
from ganglion.sensors.pcm import READ
from ganglion.sensors.sound import HOP, RATE, WIDTH

#: How long the card may keep sound for a recorder that is not run, and how much it hands over at a time: microseconds.
_BUFFER, _PERIOD = 500_000, 40_000
_GRACE = 1.0

_OVERRUN = re.compile(r"overrun!!! \(at least ([0-9.]+) ms long\)")
_RATE = re.compile(r"rate is not accurate \(requested = \d+Hz, got = (\d+)Hz\)")
#: What is no trouble: what it records, and the advice below the warning about the rate.
_CHATTER = re.compile(r"Recording |\s+please, try|Aborted by signal Terminated")
_PLACE = re.compile(r"^\w+: \w+:\d+: ")


class Said:
    """What the recorder has said so far.

    Attributes:
        missed: Frames of 10 ms that the card lost because nobody fetched them in time.
        rate: What the card records at, where that is not what it was asked for: it is not stopped by that.
        last: The last line that is trouble, without the recorder's name and place.
    """

    def __init__(self) -> None:
        self.missed = 0
        self.rate: int | None = None
        self.last = ""
        self._rest = ""

    def add(self, text: str) -> None:
        """More of its error output, cut anywhere."""
        *lines, self._rest = (self._rest + text).split("\n")
        self._rest = self._rest[-READ:]
        for line in lines:
            self._line(line)

    def end(self) -> None:
        """There is no more."""
        self._line(self._rest)
        self._rest = ""

    def _line(self, line: str) -> None:
        if found := _OVERRUN.search(line):
            self.missed += math.ceil(float(found[1]) * RATE / 1000 / HOP)
        elif found := _RATE.search(line):
            self.rate = int(found[1])
        elif line.strip() and not _CHATTER.match(line):
            self.last = _PLACE.sub("", line).strip()


class AlsaStream:
    """A sound card by its ALSA name.

    Args:
        device: `default`, `plughw:1,0`, … as `arecord -L` lists them.
        command: The recorder (Debian: alsa-utils).

    Raises:
        FileNotFoundError: there is no such program.
    """

    def __init__(self, device: str, *, command: str = "arecord") -> None:
        argv = [command, "-D", device, "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(RATE)]
        argv += ["-B", str(_BUFFER), "-F", str(_PERIOD)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and the device is the operator's word
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | {"LC_ALL": "C"},  # its words are read
            )
        except FileNotFoundError:
            raise FileNotFoundError(f"{command} is not installed: apt-get install alsa-utils") from None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._sound, self._words = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._device = device
        self._said = Said()
        self._half = b""
        self._poll = select.poll()
        self._poll.register(self._sound, select.POLLIN)
        self._poll.register(self._words, select.POLLIN)

    @property
    def missed(self) -> int:
        return self._said.missed

    def read(self) -> bytes:
        while True:
            ready = dict(self._poll.poll())
            if self._words in ready:
                self._hear()
            if self._sound in ready and (data := self._read()):
                return data

    def _hear(self) -> None:
        if more := os.read(self._words, READ):
            self._said.add(more.decode(errors="replace"))
        else:
            self._poll.unregister(self._words)
        if self._said.rate is not None:
            raise OSError(
                f"alsa:{self._device} records at {self._said.rate} Hz, not at {RATE}: name a device that converts, "
                "such as default or plughw:0"
            )

    def _read(self) -> bytes:
        if not (more := os.read(self._sound, READ)):
            raise OSError(self._last_words())
        data = self._half + more
        whole = len(data) // WIDTH * WIDTH
        data, self._half = data[:whole], data[whole:]
        return data

    def _last_words(self) -> str:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            self._said.add(self._process.communicate(timeout=_GRACE)[1].decode(errors="replace"))
        self._said.end()
        return sound_refusal(self._device, self._said.last or "the recording has ended")

    def interrupt(self) -> None:
        self._process.terminate()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

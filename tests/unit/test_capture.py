# SPDX-License-Identifier: GPL-3.0-or-later
"""capture: a thread that reads on while who listens is slow, bounded; and named pipes."""

import os
import threading

import pytest

from ganglion.sensors import build
from ganglion.sensors.capture import Capture
from ganglion.sensors.sound import HOP, Sound

FRAME = 2 * HOP


class Steps:
    """A stream that gives one piece whenever it is let, and then an error."""

    missed = 0

    def __init__(self, pieces):
        self._pieces = list(pieces)
        self.read_so_far = 0
        self.is_closed = False
        self._interrupted = threading.Event()

    def read(self):
        if self._interrupted.is_set() or not self._pieces:
            raise OSError("it has ended")
        self.read_so_far += 1
        return self._pieces.pop(0)

    def interrupt(self):
        self._interrupted.set()

    def close(self):
        self.is_closed = True


def test_what_came_before_the_end_is_heard_and_then_the_end():
    pcm = os.urandom(7 * FRAME)
    capture = Capture(Steps([pcm[:100], pcm[100:1000], pcm[1000:]]), Sound(3), name="test")
    heard = b"".join(capture.take(count)[0] for count in (1, 2, 3))
    assert heard == pcm[: 6 * FRAME]
    with pytest.raises(OSError, match="it has ended"):
        capture.take(2)
    capture.close()


def test_a_stream_is_not_read_on_while_nobody_takes_what_waits():
    pieces = [os.urandom(FRAME) for _ in range(50)]
    stream = Steps(pieces)
    capture = Capture(stream, Sound(4), name="test")
    first = capture.take(1)[0]
    assert stream.read_so_far <= 6  # one was taken, four wait, one is in hand
    assert first + b"".join(capture.take(1)[0] for _ in range(49)) == b"".join(pieces)
    capture.close()
    assert stream.is_closed


def test_who_waits_for_sound_can_be_interrupted():
    stream = Steps([bytes(FRAME)] * 3)
    capture = Capture(stream, Sound(2), name="test")
    failures = []

    def listen():
        try:
            while True:
                capture.take(2)
        except OSError as error:
            failures.append(str(error))

    thread = threading.Thread(target=listen)
    thread.start()
    capture.interrupt()
    thread.join(5)
    assert failures in (["it has ended"], ["interrupted"])
    capture.close()


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "sound")
    return tmp_path / "sound"


def hearing(pipe):
    sensor = build("mic", {"kind": "audio", "voice": "off", "source": f"pipe:{pipe}", "every": "10ms"})
    sensor.source.open()
    return sensor


def test_a_named_pipe_is_heard_until_its_writer_goes_and_again_with_the_next(pipe):
    mic = hearing(pipe)
    for _ in range(2):
        with open(pipe, "wb") as writer:
            writer.write(b"\x01")
            writer.flush()
            writer.write(bytes(2 * FRAME))
            writer.flush()
            mic.sample()
            mic.sample()
        with pytest.raises(OSError, match=f"who writes {pipe} has closed it"):
            mic.sample()
        mic.source.close()
        mic.source.open()
    mic.source.close()


def test_a_pipe_that_nobody_writes_can_be_interrupted(pipe):
    mic = hearing(pipe)
    threading.Timer(0.05, mic.source.interrupt).start()
    with pytest.raises(OSError, match="interrupted"):
        mic.sample()
    mic.source.close()


def test_what_is_no_pipe_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"mkfifo {tmp_path / 'none'}"):
        hearing(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="is no named pipe; a WAV file is given without pipe:"):
        hearing(tmp_path / "file")

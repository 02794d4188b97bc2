# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound on its way from a stream into frames, on a thread of its own: who uses it may be slow for a while."""

import threading

from ganglion.linux.device import sentence
from ganglion.sensors.pcm import Stream
from ganglion.sensors.sound import Sound

_GRACE = 2.0


class Capture:
    """Reads a stream as it comes. Frames that wait are bounded: where nobody takes them the stream is not read on, and
    what a sound card loses by that its recorder says.

    Args:
        stream: Closed by `close`.
        sound: Where the frames wait.
        name: Of the thread.
    """

    def __init__(self, stream: Stream, sound: Sound, *, name: str) -> None:
        self._stream = stream
        self._sound = sound
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def missed(self) -> int:
        """Frames that the stream lost so far."""
        return self._stream.missed

    def take(self, count: int) -> tuple[bytes, list[list[float]]]:
        """The next `count` frames and their samples, once they are there.

        Raises:
            OSError: the stream has ended, in its words; what was whole before has been taken.
        """
        with self._changed:
            while True:
                if (taken := self._sound.take(count)) is not None:
                    self._changed.notify_all()
                    return taken
                if self._failure is not None:
                    raise OSError(sentence(self._failure)) from self._failure
                self._changed.wait()

    def interrupt(self) -> None:
        """From any thread: `take` raises soon."""
        self._stream.interrupt()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the thread and closes the stream."""
        self.interrupt()
        self._thread.join(_GRACE)
        self._stream.close()

    def _run(self) -> None:
        try:
            while not self._closed:
                self._hand_over(memoryview(self._stream.read()))
        except Exception as error:  # the edge of a thread: `take` raises it
            self._failure = error
        finally:
            with self._changed:
                self._failure = self._failure or OSError("interrupted")
                self._changed.notify_all()

    def _hand_over(self, data: memoryview) -> None:
        with self._changed:
            while not self._closed:
                data = data[self._sound.feed(data) :]
                self._changed.notify_all()
                if not data:
                    break
                self._changed.wait()

# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture as its source has it, of which a small luma plane or all of its luma can be taken."""

from dataclasses import dataclass
from typing import Protocol

from ganglion.sensors import signal

#: Of the plane in which motion and brightness are looked for, in pixels.
WIDTH, HEIGHT = 160, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The luma of a picture, somewhere in a buffer that its source may use again for the next.

    Attributes:
        buffer: The bytes.
        width, height: Of the picture, in pixels.
        first: Where in the buffer the pixel at the top left is.
        pixel: Bytes from one pixel to the next.
        row: Bytes from one row to the next.
    """

    buffer: bytes | memoryview
    width: int
    height: int
    first: int = 0
    pixel: int = 1
    row: int

    def plane(self) -> bytes:
        """160 by 120 bytes, 0 black to 255 white.

        Raises:
            OSError: the buffer is too short: the source has lost a part of the picture.
        """
        return self._reduced(WIDTH, HEIGHT)

    def luma(self) -> bytes:
        """All of it, a byte a pixel, rows one after the other; raised is what `plane` raises."""
        return self._reduced(self.width, self.height)

    def _reduced(self, width: int, height: int) -> bytes:
        try:
            return signal.luma_reduce(
                self.buffer, (self.width, self.height), (width, height), self.first, self.pixel, self.row
            )
        except ValueError as error:
            raise OSError(str(error)) from None


class Frames(Protocol):
    """A source of pictures. All but `interrupt` are called on one thread."""

    def open(self) -> None:
        """Makes it ready. Raises OSError."""
        ...

    def next(self) -> Frame:
        """The next picture, good until the next call.

        Raises:
            OSError: there is none, or it is damaged.
        """
        ...

    def close(self) -> None:
        """Gives back what `open` took; also where it failed."""
        ...

    def interrupt(self) -> None:
        """From any thread: a `next` that waits raises soon."""
        ...

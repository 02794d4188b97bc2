# SPDX-License-Identifier: GPL-3.0-or-later
"""A film in a file, picture by picture, as OpenCV decodes it."""

from pathlib import Path
from typing import TYPE_CHECKING

from ganglion.sensors.frames.frame import Frame

if TYPE_CHECKING:
    import cv2


class Film:
    """Its pictures, one after the other.

    Args:
        path: The file.
        loop: Whether the first follows the last; otherwise the last one stays.
    """

    def __init__(self, path: Path, *, loop: bool) -> None:
        self._path = path
        self._loop = loop
        self._film: cv2.VideoCapture | None = None
        self._last: Frame | None = None

    def open(self) -> None:
        """See `Frames`."""
        import cv2

        with self._path.open("rb"):
            pass  # or why not: OpenCV does not say
        self._film = cv2.VideoCapture(str(self._path))
        if not self._film.isOpened():
            raise OSError(f"{self._path} is no film that OpenCV can read")

    def next(self) -> Frame:
        """See `Frames`."""
        import cv2

        assert self._film is not None
        there, picture = self._film.read()
        if not there and self._last is None:
            raise OSError(f"{self._path} holds no pictures")
        if not there and self._loop:
            self.close()
            self.open()
            there, picture = self._film.read()
        if there:
            grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            height, width = grey.shape
            self._last = Frame(buffer=grey.tobytes(), width=width, height=height, row=width)
        assert self._last is not None
        return self._last

    def close(self) -> None:
        """See `Frames`."""
        if self._film is not None:
            self._film.release()
            self._film = None

    def interrupt(self) -> None:
        """A picture is there at once."""

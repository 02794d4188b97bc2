# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of pictures, shown in the order of their names; a camera may be writing them."""

from pathlib import Path

from ganglion.sensors.frames.frame import Frame

SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".bmp", ".webp")


def pictures(folder: Path) -> list[Path]:
    """What is shown, in order."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def picture(path: Path, *, most: int | None = None) -> Frame:
    """A picture of a file.

    Args:
        path: Its file.
        most: Pixels of its longer side that are enough: a JPEG is then decoded at a smaller size, which is faster.

    Raises:
        OSError: it cannot be read, is damaged, or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            if most is not None:
                image.draft("L", (most, most))
            grey = image.convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise OSError(f"{path} is damaged, or no picture that Pillow reads: replace it, or take it away") from error
    return Frame(buffer=grey.tobytes(), width=grey.width, height=grey.height, row=grey.width)


class Folder:
    """Its pictures, one after the other.

    Args:
        folder: Where they are.
        loop: Whether the first follows the last; otherwise the last one stays.
        most: See `picture`.
    """

    def __init__(self, folder: Path, *, loop: bool, most: int | None) -> None:
        self._folder = folder
        self._loop = loop
        self._most = most
        self._next = 0

    def open(self) -> None:
        """Nothing is held open."""

    def next(self) -> Frame:
        """See `Frames`."""
        shown = pictures(self._folder)
        if not shown:
            raise OSError(f"{self._folder} holds no pictures any more")
        place = self._next % len(shown) if self._loop else min(self._next, len(shown) - 1)
        self._next = place + 1
        return picture(shown[place], most=self._most)

    def close(self) -> None:
        """Nothing is held open."""

    def interrupt(self) -> None:
        """It does not wait."""

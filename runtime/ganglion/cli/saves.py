# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is edited: what is saved comes once, however the editor does it."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from ganglion.errors import NotFoundError

#: Seconds between two looks at the file.
LOOK = 0.1
#: Seconds that a file has to stay as it is before it is read, and those of one that is empty: more is about to come.
_SETTLED, _EMPTY = 0.15, 1.0
#: Seconds in which the same content once more is the same save: some editors write, and then write again.
_AGAIN = 1.0


class Saves:
    """What a person saves into a file.

    A file that is not there, or whose folder is not, is waited for.

    Args:
        file: A regular file.
        now: Seconds of a clock that is never set.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.monotonic) -> None:
        self.file = file
        self._now = now
        self._taken: tuple[int, int, int] | None = None  # marks of what was given
        self._seen: tuple[int, int, int] | None = None  # and of what may come
        self._since = 0.0
        self._data = b""
        self._at = 0.0

    def first(self) -> bytes:
        """The file as it is now.

        Raises:
            NotFoundError: it is not there, or is none.
        """
        self._taken = self._mark()
        if self._taken is None:
            raise NotFoundError(f"{self.file}: there is no such file")
        self._data, self._at = self.file.read_bytes(), self._now()
        return self._data

    def look(self) -> bytes | None:
        """What was saved since, once it is whole; None where nothing was."""
        mark, now = self._mark(), self._now()
        if mark is None or mark == self._taken:
            self._seen = None
            return None
        if mark != self._seen:
            self._seen, self._since = mark, now
        if now - self._since < (_SETTLED if mark[2] else _EMPTY):
            return None
        try:
            data = self.file.read_bytes()
        except OSError:
            return None  # it is being replaced
        if self._mark() != mark:
            return None
        self._taken = mark
        if data == self._data and now - self._at < _AGAIN:
            return None
        self._data, self._at = data, now
        return data

    def _mark(self) -> tuple[int, int, int] | None:
        """What changes with each save; None where there is no file to be read."""
        try:
            status = os.stat(self.file)
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None

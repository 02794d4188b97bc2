# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a recording: one of its own, for its owner's eyes, written as it comes."""

import contextlib
import os
import shutil
import time
from pathlib import Path

from ganglion.console.asciicast import Cast
from ganglion.errors import InvalidError, RefusedError


class Recorder:
    """Writes a recording until it is closed.

    Args:
        path: Of a file that is not there yet.
        title: What is recorded.

    Raises:
        RefusedError: it is there.
        InvalidError: it cannot be written; also later, where the disk is full.
    """

    def __init__(self, path: Path, title: str) -> None:
        self.path = path
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise RefusedError(f"{path} is there already: a recording is a new file") from None
        except OSError as error:
            raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        size = shutil.get_terminal_size()
        self._begun = time.monotonic()
        self._cast = Cast(begun=time.time(), title=title, width=size.columns, height=size.lines)
        self._put(self._cast.header())

    def said(self, data: bytes) -> None:
        """The device said this."""
        self._put(self._cast.said(data, self._at()))

    def written(self, data: bytes) -> None:
        """This was written to it."""
        self._put(self._cast.written(data, self._at()))

    def mark(self, text: str) -> None:
        """This happened to the port."""
        self._put(self._cast.mark(text, self._at()))

    def close(self) -> None:
        """Ends it."""
        with contextlib.suppress(OSError):  # the disk is full, which has been said
            self._file.close()

    def _put(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise InvalidError(
                f"cannot be written any more: {error.strerror}; record somewhere else", where=str(self.path)
            ) from None

    def _at(self) -> float:
        return time.monotonic() - self._begun

# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording of a terminal, which asciinema plays: asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/)."""

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ganglion.errors import InvalidError


class Cast:
    """One recording, for its owner's eyes only.

    Args:
        path: Of a file that is not there yet.
        title: What is recorded.

    Raises:
        InvalidError: it is there, or cannot be written.
    """

    def __init__(self, path: Path, *, columns: int, rows: int, title: str) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
        except FileExistsError:
            raise InvalidError("is there already: a recording is a new file", where=str(path)) from None
        except OSError as error:
            raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None
        self._began = time.monotonic()
        self._write({"version": 2, "width": columns, "height": rows, "timestamp": int(time.time()), "title": title})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def output(self, text: str) -> None:
        """What the terminal was given."""
        self._event("o", text)

    def resized(self, columns: int, rows: int) -> None:
        """The terminal has another size."""
        self._event("r", f"{columns}x{rows}")

    def _event(self, code: str, data: str) -> None:
        self._write([round(time.monotonic() - self._began, 6), code, data])

    def _write(self, value: object) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
        self._file.flush()

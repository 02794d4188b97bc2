# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording of a terminal, which asciinema plays: asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/)."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ganglion.errors import InvalidError


class Cast:
    """One recording, for its owner's eyes only.

    Args:
        path: The file; what was there is replaced.
        title: What is recorded.

    Raises:
        InvalidError: it cannot be written.
    """

    def __init__(self, path: Path, *, columns: int, rows: int, title: str) -> None:
        try:
            self._file = path.open("w", encoding="utf-8", errors="backslashreplace")
            path.chmod(0o600)
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

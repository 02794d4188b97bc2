# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command hands back to be shown: data for programs, text for people, an exit code for the shell."""

import json
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of a command.

    Attributes:
        data: What `--json` prints as one document.
        text: Makes what people read; called only where it is shown.
        exit_code: 0 ok, 1 failed or invalid.
    """

    data: Any
    text: Callable[[], str]
    exit_code: int = 0


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned to the left, as wide as their widest cell."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Writes a file, and makes the folders that it needs: the whole of it, or what was there stays.

    Args:
        mode: Of the file; None for that which it has, else 0644.

    Raises:
        InvalidError: it cannot be written there.
    """
    from ganglion.mesh import files

    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # such as /dev/null, which no file may replace
            return
        target = path.resolve()  # a link goes on leading where it led
        if mode is None:
            target.parent.mkdir(parents=True, exist_ok=True)  # else it is made for its owner alone
            mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
        files.write(target, data, mode=mode)
    except OSError as error:
        raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None


def save(path: Path, data: Any, *, mode: int | None = None) -> None:
    """Writes what `--json` would print to a file. Raises: see `write`."""
    write(path, json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n", mode=mode)

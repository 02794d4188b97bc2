# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command hands back to be shown: data for programs, text for people, an exit code for the shell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


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

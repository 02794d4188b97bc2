# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording: a CSV file with a column `seconds` and one column a quantity. Reads it; knows nothing of clocks."""

import csv
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Values over time.

    Attributes:
        seconds: Strictly rising, the first is where the recording begins.
        columns: Name of a quantity to its values, one for each of `seconds`.
        loop: Whether it begins again at its end; it stays at the last values otherwise.
    """

    seconds: tuple[float, ...]
    columns: Mapping[str, tuple[float, ...]]
    loop: bool = True

    @property
    def length(self) -> float:
        """Seconds from the first row to the last."""
        return self.seconds[-1] - self.seconds[0]

    def position(self, elapsed: float) -> float:
        """Where in `seconds` the recording is, so many seconds after its start."""
        if self.loop and self.length:
            elapsed %= self.length
        return self.seconds[0] + min(elapsed, self.length)

    def at(self, elapsed: float) -> dict[str, float]:
        """Every quantity so many seconds after the start, on a straight line between two rows."""
        place = self.position(elapsed)
        after = bisect_right(self.seconds, place)
        before = after - 1
        if after == len(self.seconds):
            return {name: values[before] for name, values in self.columns.items()}
        share = (place - self.seconds[before]) / (self.seconds[after] - self.seconds[before])
        return {
            name: values[before] + share * (values[after] - values[before]) for name, values in self.columns.items()
        }


def load(path: Path, *, loop: bool = True) -> Trace:
    """Reads a recording.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it has no rows, a cell is no finite number, or time does not rise; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist; a trace is a CSV file with a column `seconds`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(str(error), where=str(path)) from None
    return parse(text, where=str(path), loop=loop)


def parse(text: str, *, where: str = "trace", loop: bool = True) -> Trace:
    """Reads the text of a recording; see `load`."""
    rows = csv.reader(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    header = [name.strip() for name in next(rows, [])]
    if header[:1] != ["seconds"] or len(header) < 2 or len(set(header)) < len(header) or "" in header:
        raise InvalidError("the first line must be `seconds,<name>,…` with a name a column, each once", where=where)
    columns: list[list[float]] = [[] for _ in header]
    for number, row in enumerate(rows, 2):
        place = f"{where}: row {number}"
        if len(row) != len(header):
            raise InvalidError(f"has {len(row)} cells, the header {len(header)}", where=place)
        for column, cell in zip(columns, row, strict=True):
            column.append(_number(cell, place))
        if len(columns[0]) > 1 and columns[0][-1] <= columns[0][-2]:
            raise InvalidError("`seconds` must rise from row to row", where=place)
    if not columns[0]:
        raise InvalidError("holds no rows", where=where)
    return Trace(
        seconds=tuple(columns[0]),
        columns={name: tuple(column) for name, column in zip(header[1:], columns[1:], strict=True)},
        loop=loop,
    )


def _number(cell: str, where: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidError(f"{cell.strip()!r} is not a number", where=where)
    return number

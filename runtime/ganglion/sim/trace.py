# SPDX-License-Identifier: GPL-3.0-or-later
"""What simulated hardware follows: quantities over time, from a recording. Reads it; knows nothing of clocks."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.sim.recording import Recording, from_csv, read


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
    """Reads a recording in which every row has every quantity.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it has no rows, a cell is no finite number, or time does not rise; the row is named.
    """
    return _dense(read(path), where=str(path), loop=loop)


def parse(text: str, *, where: str = "trace", loop: bool = True) -> Trace:
    """Reads the text of a recording as CSV; see `load`."""
    return _dense(from_csv(text.splitlines(keepends=True), where=where), where=where, loop=loop)


def _dense(recording: Recording, *, where: str, loop: bool) -> Trace:
    seconds: list[float] = []
    columns: list[list[float]] = [[] for _ in recording.columns]
    for number, (at, cells) in enumerate(recording.rows, 2):
        seconds.append(at)
        for column, cell in zip(columns, cells, strict=True):
            if cell is None or isinstance(cell, bool):
                said = "an empty cell" if cell is None else f"{str(cell).lower()}, which is not a number"
                raise InvalidError(f"has {said}", where=f"{where}: row {number}")
            column.append(cell)
    if not seconds:
        raise InvalidError("holds no rows", where=where)
    return Trace(
        seconds=tuple(seconds),
        columns={name: tuple(column) for name, column in zip(recording.columns, columns, strict=True)},
        loop=loop,
    )

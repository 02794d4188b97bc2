# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a recording, as `ganglion.sim.recording` reads it: values and their times in, bytes for a file out."""

import csv
import io
import math
from collections.abc import Mapping
from typing import TypeGuard

from ganglion.sim.recording import FORMAT, SUFFIX, Cell
from ganglion_micro import cbor


class Recorder:
    """One recording. Values of one time share a row, so a row comes out when a later value has come in, or at the end.

    Args:
        suffix: Of the file: `.cbor`, or anything else for CSV.
        units: Channel to UCUM unit; a column each, in this order.
        node: Who records.
    """

    def __init__(self, suffix: str, units: Mapping[str, str], *, node: str) -> None:
        self._is_cbor = suffix.lower() == SUFFIX
        self._units = dict(units)
        self._node = node
        self._row: dict[str, Cell] = {}
        self._at = 0
        self._start = 0
        self._before: int | None = None
        self.rows = 0

    def add(self, channel: str, value: object, timestamp: int) -> bytes:
        """Takes a value in; the rows that are whole with it. A channel that has no column is left out.

        Args:
            timestamp: Nanoseconds since the Unix epoch; a value with an earlier one than the last is put at its time.
        """
        if channel not in self._units or not _is_cell(value):
            return b""
        done = b""
        if self._row and (timestamp > self._at or channel in self._row):
            done = self.end()
        if not self._row:
            self._at = max(timestamp, self._at)
        self._row[channel] = value
        return done

    def end(self) -> bytes:
        """The row that is still open; nothing where there is none."""
        if not self._row:
            return b""
        head = b""
        if self._before is None:
            self._start = self._at
            head = self._head()
        microseconds = (self._at - self._start) // 1000
        if self._before is not None:
            microseconds = max(microseconds, self._before + 1)  # times rise: two sensors may answer in the same one
        cells = [self._row.get(channel) for channel in self._units]
        row = self._written(microseconds, cells)
        self._before, self._row = microseconds, {}
        self.rows += 1
        return head + row

    def _head(self) -> bytes:
        if not self._is_cbor:
            return _line(["seconds", *self._units])
        columns = [[channel, unit] for channel, unit in self._units.items()]
        return cbor.encode({"format": FORMAT, "node": self._node, "start": self._start, "columns": columns})

    def _written(self, microseconds: int, cells: list[Cell]) -> bytes:
        if self._is_cbor:
            return cbor.encode([microseconds - (self._before or 0), *cells])
        return _line([f"{microseconds / 1e6:.6f}", *(_text(cell) for cell in cells)])


def _is_cell(value: object) -> TypeGuard[float | int | bool]:
    """Whether CBOR and CSV have it: finite, and a whole number of 64 bits."""
    return abs(value) < 1 << 63 if isinstance(value, int) else isinstance(value, float) and math.isfinite(value)


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else repr(cell)


def _line(cells: list[str]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(cells)
    return file.getvalue().encode()

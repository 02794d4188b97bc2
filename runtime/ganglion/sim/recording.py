# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a recording: the values of sensors over time, as CSV for people and as CBOR for little room.

CSV has a column `seconds` and one a channel: numbers, `true`, `false`, or nothing where a channel had no value then.

CBOR is a sequence of items (RFC 8742). The first is a map: `format` is `FORMAT`, `node` who recorded, `start` the
nanoseconds since the Unix epoch at which the first row was taken, `columns` a list of `[channel, UCUM unit]`. Each
further item is a row, a list: the microseconds since the row before, then a value or null for each column.

Either may be cut anywhere, as by a power cut: what is whole before the cut is read. Only `read` opens a file.
"""

import csv
import math
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, unread
from ganglion_micro import cbor

#: What the first item of a CBOR recording says that it is.
FORMAT = "ganglion recording 1"
#: How the names of CBOR recordings end; all others are CSV.
SUFFIX = ".cbor"
#: Bytes of a recording, all of which are read.
MOST = 64 << 20
#: Columns of a recording.
MAX_COLUMNS = 1000

#: What a channel had; None for nothing.
Cell = float | int | bool | None
#: Seconds, which rise from row to row, and a cell for each column.
Row = tuple[float, list[Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording whose rows are read as they are needed.

    Attributes:
        columns: Name of each channel, in the order of the cells; `<sensor>.<channel>` where a node recorded it.
        rows: They, once.
        units: Channel to UCUM unit; empty where the recording does not say, as CSV.
        node: Who recorded; "" where it is not said.
        start: Nanoseconds since the Unix epoch at which the first row was taken; 0 where it is not said.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]
    units: dict[str, str] = field(default_factory=dict)
    node: str = ""
    start: int = 0


def read(path: Path) -> Recording:
    """The recording in a file; CBOR where its name ends in `.cbor`, else CSV.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is none, is too large, or cannot be read; from `rows`, a row is wrong, which is named.
    """
    try:
        data = _bytes(path)
        text = "" if path.suffix.lower() == SUFFIX else data.decode("utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist; a recording is a CSV file with a column `seconds`, or CBOR") from (
            None
        )
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=str(path)) from None
    if path.suffix.lower() == SUFFIX:
        return from_cbor(data, where=str(path))
    return from_csv(text.splitlines(keepends=True), where=str(path))


def _bytes(path: Path) -> bytes:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a device or a pipe may have no end
        raise InvalidError("is no file", where=str(path))
    if found.st_size <= MOST:
        with path.open("rb") as file:
            if len(data := file.read(MOST + 1)) <= MOST:
                return data
    raise InvalidError(f"is larger than {MOST >> 20} MiB: cut it, or record less often", where=str(path))


def from_csv(lines: Iterable[str], *, where: str) -> Recording:
    """A recording in the lines of a CSV file, each with its line break.

    Raises:
        InvalidError: the first line names no columns; from `rows`, see `read`.
    """
    source = _Lines(lines)
    cells = csv.reader(source)
    header = [name.strip() for name in next(cells, [])]
    if header[:1] != ["seconds"] or len(header) < 2 or len(set(header)) < len(header) or "" in header:
        raise InvalidError("the first line must be `seconds,<name>,…` with a name a column, each once", where=where)
    return Recording(columns=tuple(header[1:]), rows=_csv_rows(source, cells, len(header), where))


class _Lines:
    """The lines that say something; keeps whether the last one was whole."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.is_cut = False

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            if line.strip() and not line.startswith("#"):
                self.is_cut = not line.endswith(("\n", "\r"))
                yield line


def _csv_rows(lines: _Lines, cells: Iterator[list[str]], width: int, where: str) -> Iterator[Row]:
    before = -math.inf
    for number, row in enumerate(cells, 2):
        place = f"{where}: row {number}"
        try:
            if len(row) != width:
                raise InvalidError(f"has {len(row)} cells, the header {width}", where=place)
            seconds, *values = (_cell(cell, place) for cell in row)
            if seconds is None or isinstance(seconds, bool):
                raise InvalidError("`seconds` is not a number", where=place)
            if seconds <= before:
                raise InvalidError("`seconds` must rise from row to row", where=place)
        except InvalidError:
            if lines.is_cut:
                return
            raise
        before = seconds
        yield seconds, values


def _cell(text: str, where: str) -> float | bool | None:
    text = text.strip()
    if text in ("", "true", "false"):
        return None if not text else text == "true"
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidError(f"{text!r} is not a number", where=where)
    return number


def from_cbor(data: bytes, *, where: str) -> Recording:
    """A recording in a sequence of CBOR items.

    Raises:
        InvalidError: the first item is none that begins one; from `rows`, see `read`.
    """
    try:
        head, at = cbor.decode_at(data, 0)
    except cbor.CBORError as error:
        raise InvalidError(f"begins with no whole item of CBOR: {error}", where=where) from None
    columns = _columns(head)
    if columns is None:
        raise InvalidError(f"is no recording: its first item is no {FORMAT!r}", where=where)
    node, start = head.get("node"), head.get("start")
    return Recording(
        columns=tuple(columns),
        rows=_cbor_rows(data, at, len(columns), where),
        units=columns,
        node=node if type(node) is str else "",
        start=start if type(start) is int else 0,
    )


def _columns(head: Any) -> dict[str, str] | None:
    """Channel to unit; None where this is not how a recording begins."""
    if type(head) is not dict or head.get("format") != FORMAT:
        return None
    columns = head.get("columns")
    if type(columns) is not list or not 0 < len(columns) <= MAX_COLUMNS:
        return None
    found = {}
    for each in columns:
        if type(each) is not list or [type(part) for part in each] != [str, str] or not each[0]:
            return None
        found[each[0]] = each[1]
    return found if len(found) == len(columns) else None


def _cbor_rows(data: bytes, at: int, width: int, where: str) -> Iterator[Row]:
    microseconds, first = 0, True
    while at < len(data):
        try:
            row, end = cbor.decode_at(data, at)
        except cbor.CBORError as error:
            # No row has more bytes than this: what fails so near the end is the one that was being written
            if len(data) - at < 9 * (width + 2):
                return
            raise InvalidError(f"is damaged at byte {at}: {error}", where=where) from None
        if not _is_row(row, width, first):
            raise InvalidError(f"is damaged at byte {at}: that is no row of {width} values", where=where)
        microseconds, first, at = microseconds + row[0], False, end
        yield microseconds / 1e6, row[1:]


def _is_row(row: Any, width: int, first: bool) -> bool:
    if type(row) is not list or len(row) != width + 1 or type(row[0]) is not int or row[0] < (not first):
        return False
    return all(
        value is None or type(value) in (int, bool) or (type(value) is float and math.isfinite(value))
        for value in row[1:]
    )

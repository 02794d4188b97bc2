# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes in a test: values that stand in it, and recordings, which are read as they are needed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ganglion.errors import InvalidError, NotFoundError
from ganglion.settings import nearest
from ganglion.sim.recording import SUFFIX, Recording, from_csv, read
from ganglion.units import SECOND, duration

#: Nanoseconds since the beginning, the name that it comes under (a sensor, `mqtt:` or `event:` and a topic), the value.
Fed = tuple[int, str, Any]
#: Characters of one line of a recording.
_MAX_LINE = 1_000_000


def feed(given: Any, folder: Path, *, where: str) -> tuple[list[Fed], Iterator[Fed]]:
    """What stands in the test, and what is recorded, each in the order of time; at one time in that of the document.

    Args:
        given: `feed` of a test.
        folder: Where recordings are.

    Raises:
        InvalidError: it makes no sense.
        NotFoundError: there is no such recording.
    """
    if not isinstance(given, dict):
        raise InvalidError("must be a map of sensors to lists of [time, value]", where=where)
    found: list[Fed] = []
    recorded: Iterator[Fed] = iter(())
    for name, values in given.items():
        if name == "trace" and not isinstance(values, list):
            recorded = _recording(values, folder, where=f"{where}.trace")
            continue
        for i, each in enumerate(values if isinstance(values, list) else [None]):
            place = f"{where}.{name}[{i}]"
            if not isinstance(each, list) or len(each) != 2:
                raise InvalidError("must be [time, value], as in [3m, 9]", where=place)
            found.append((duration(each[0], where=place), name, each[1]))
    return sorted(found, key=lambda item: item[0]), recorded


def _recording(given: Any, folder: Path, *, where: str) -> Iterator[Fed]:
    """The values of a file: what `ganglion sensors record` writes, or the lines of `ganglion watch --json`."""
    names: Any = {}
    if isinstance(given, dict) and given.keys() <= {"file", "as"}:
        given, names = given.get("file"), given.get("as", {})
    if not isinstance(given, str) or not isinstance(names, dict):
        raise InvalidError("must be a file, or {file: …, as: {column: sensor}}", where=where)
    path = folder / given
    try:
        with path.open(encoding="utf-8"):
            pass
    except OSError as error:
        raise NotFoundError(f"{where}: the recording {path} cannot be read: {error.strerror}") from None
    return _read(path, names)


def _read(path: Path, names: dict[str, Any]) -> Iterator[Fed]:
    if path.suffix.lower() == SUFFIX:
        yield from _rows(read(path), names, str(path))
        return
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix.lower() == ".csv":
                yield from _rows(from_csv(file, where=str(path)), names, str(path))
            else:
                yield from ((at, str(names.get(name, name)), value) for at, name, value in _lines(file, str(path)))
    except UnicodeDecodeError:
        raise InvalidError("is not UTF-8 text", where=str(path)) from None


def _rows(recording: Recording, names: dict[str, Any], where: str) -> Iterator[Fed]:
    columns = recording.columns
    for name in names:
        if name not in columns:
            raise InvalidError(f"has no column {name!r}{nearest(name, columns)}", where=where)
    sensors = [str(names.get(column, column)) for column in columns]
    began = None
    for seconds, values in recording.rows:
        began = seconds if began is None else began
        at = round((seconds - began) * SECOND)
        for name, value in zip(sensors, values, strict=True):
            if value is not None:
                yield at, name, value


def _lines(file: TextIO, where: str) -> Iterator[Fed]:
    """Readings, and what came on plain MQTT topics. All else is what scripts said, and the one under test says it."""
    began, last, number = None, 0, 0
    while line := file.readline(_MAX_LINE):
        number += 1
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            value, source, at = event["value"], event["source"], int(event["timestamp"])
            levels = event["topic"].split("/")
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
            raise InvalidError("is no event of `ganglion watch --json`", where=f"{where}:{number}") from None
        began = at if began is None else began
        # Lines of several nodes come a little out of order.
        last = max(last, at - began)
        if levels[0] == "sensor" or levels[1:2] == ["sensor"]:
            yield last, str(source), value
        elif levels[0].partition(".")[0] == "mqtt":
            for key in reversed(levels[0].split(".")[1:]):
                value = {key: value}
            yield last, "mqtt:" + "/".join(levels[1:]), value

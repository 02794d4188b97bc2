# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the files of boards. What is wrong is one sentence with the file, the line and the key."""

import tomllib
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from ganglion.board.lines import line_of
from ganglion.board.model import Board, Bus, Flashing, Image, Pin, Usb
from ganglion.errors import InvalidError, NotFoundError
from ganglion.settings import nearest, read

#: Bytes of a file: a board with every pin of a large chip takes a tenth.
_MOST = 256 * 1024
#: Tables in tables; a sensor's calibration is the fourth.
_DEEPEST = 8

T = TypeVar("T")


def folder() -> Path:
    """Where the files are."""
    here = Path(__file__).parents[1]
    return next(each for each in (here / "boards", here.parents[1] / "boards") if each.is_dir())


def names() -> list[str]:
    """The names of all boards that come with Ganglion, in order. No file is opened."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def board(name: str) -> Board:
    """One board by its name. Only its file is read.

    Raises:
        NotFoundError: there is no such board.
        InvalidError: the file is wrong.
    """
    known = names()
    if name not in known:
        raise NotFoundError(f"there is no board {name!r}{nearest(name, known)}")
    return load(folder() / f"{name}.toml")


def boards() -> list[Board]:
    """All boards, by name.

    Raises:
        InvalidError: a file of ours is wrong.
    """
    return [board(name) for name in names()]


def load(path: Path) -> Board:
    """The board in a file. Raises: see `text_of` and `parse`."""
    return parse(text_of(path), path.name)


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it cannot be read, is no text, or is too large to be a board's.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no file {path}: `ganglion boards list` shows the boards that are known"
        ) from None
    except OSError as error:
        raise InvalidError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if len(data) > _MOST:
        raise InvalidError(f"a board's file has at most {_MOST} bytes", where=str(path))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidError("this line is not UTF-8: save the file as that", where=f"{path.name}:{line}") from None


def parse(text: str, where: str) -> Board:
    """The board in a text.

    Raises:
        InvalidError: it is no TOML, or a key is unknown, missing or wrong; begins with `where`, the line and the key.
    """
    table = table_of(text, where)
    try:
        return _board(table)
    except InvalidError as error:
        sentence = str(error).removeprefix(f"{error.where}: ")
        # What a dataclass says of itself begins with the key
        line = line_of(text, f"{error.where}.{sentence.partition(' ')[0].rstrip(':')}")
        place = where if line is None else f"{where}:{line}"
        raise InvalidError(f"{error.where}: {sentence}" if error.where else sentence, where=place) from None


def table_of(text: str, where: str) -> dict[str, Any]:
    """What stands in a text. Raises: InvalidError, it is no TOML, or none that a board's could be."""
    try:
        table = tomllib.loads(text)
        _bounded(table)
    except RecursionError:
        raise InvalidError("this is nested too deeply to be a board", where=where) from None
    except InvalidError as error:
        raise InvalidError(str(error), where=where) from None
    except ValueError as error:  # tomllib's own, and int()'s for a number of thousands of digits
        raise InvalidError(f"this is no TOML: {error}", where=where) from None
    return table


def _bounded(value: Any, deep: int = 0) -> None:
    """Refuses what TOML forbids and tomllib takes, numbers of more than 64 bits, and what nobody could show."""
    if deep > _DEEPEST:
        raise InvalidError("this is nested too deeply to be a board")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise InvalidError("a whole number has at most 64 bits")
    if isinstance(value, float) and not isfinite(value):
        raise InvalidError("a number must be finite")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _bounded(each, deep + 1)


def _board(table: dict[str, Any]) -> Board:
    made = dict(table)
    parts: dict[str, tuple[Callable[..., Any], Any]] = {
        "pin": (_several, Pin),
        "bus": (_several, Bus),
        "usb": (_listed, Usb),
        "flashing": (_table, Flashing),
        "image": (_table, Image),
    }
    for key, (reads, cls) in parts.items():
        if key in made:
            made[key] = reads(cls, made[key], key)
    sensors = made.get("sensor", {})
    if not isinstance(sensors, dict) or not all(isinstance(each, dict) for each in sensors.values()):
        raise InvalidError("must be tables, [sensor.NAME]", where="sensor")
    return read(Board, made, "")


def _table(cls: type[T], value: Any, where: str) -> T:
    if not isinstance(value, dict):
        raise InvalidError(f"must be a table, not {value!r}", where=where)
    return read(cls, value, where)


def _several(cls: type[T], value: Any, where: str) -> dict[str, T]:
    if not isinstance(value, dict):
        raise InvalidError(f"must be tables, not {value!r}", where=where)
    return {name: _table(cls, each, f"{where}.{name}") for name, each in value.items()}


def _listed(cls: type[T], value: Any, where: str) -> list[T]:
    if not isinstance(value, list):
        raise InvalidError(f"must be [[{where}]], not {value!r}", where=where)
    return [_table(cls, each, f"{where}[{i}]") for i, each in enumerate(value)]

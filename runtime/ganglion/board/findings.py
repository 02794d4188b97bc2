# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is wrong with the keys and values of a board's file, where `parse` ends at the first."""

from collections.abc import Collection
from dataclasses import MISSING, fields
from typing import Any

from ganglion.board.check import Problem
from ganglion.board.model import Board, Bus, Flashing, Image, Pin, Usb
from ganglion.settings import read_each

#: Tables of a board, how many there are of each, and what each is.
_PARTS: tuple[tuple[str, type[Any], type[Any]], ...] = (
    ("pin", dict, Pin),
    ("bus", dict, Bus),
    ("usb", list, Usb),
    ("flashing", object, Flashing),
    ("image", object, Image),
)


def findings(table: dict[str, Any]) -> tuple[list[Problem], Board]:
    """What keeps a table from being a board, as `parse` would say it of each alone, and the board without that."""
    parts = {key for key, _, _ in _PARTS}
    buses = table.get("bus")
    rest = {key: value for key, value in table.items() if key not in parts}
    named = buses if isinstance(buses, dict) else {}
    found, board = _read(Board, rest, "", there=parts & {*table}, bus=named)
    sensors = table.get("sensor")
    for name, sensor in sensors.items() if isinstance(sensors, dict) else ():
        if not isinstance(sensor, dict):
            found.append(Problem(f"sensor.{name}", "must be a table, [sensor.NAME]"))
    for key, several, cls in _PARTS:
        if key not in table:
            continue
        value = table[key]
        if several is dict and isinstance(value, dict):
            each = [(f"{key}.{name}", part) for name, part in value.items()]
        elif several is list and isinstance(value, list):
            each = [(f"{key}[{i}]", part) for i, part in enumerate(value)]
        else:
            each = [(key, value)]
        made = {}
        for where, part in each:
            wrong, it = _read(cls, part, where)
            found += wrong
            if it is not None:
                made[where] = it
        whole: Any = made.get(key)
        if several is dict:
            whole = {where.partition(".")[2]: it for where, it in made.items()}
        elif several is list:
            whole = tuple(made.values())
        object.__setattr__(board, key, whole)
    return found, board


def _read(
    cls: type[Any], table: Any, where: str, *, there: Collection[str] = (), **more: Any
) -> tuple[list[Problem], Any]:
    """What is wrong with a table for a dataclass, and this without that; None of what is no table.

    Args:
        there: Keys that the table has besides, which others look at.
        more: What the dataclass has besides, to say whether it is right.
    """
    if not isinstance(table, dict):
        return [Problem(where, f"must be a table, not {table!r}")], None
    found: list[Problem] = []
    values, errors = read_each(cls, table, where)
    told = {*there}
    for error in errors:
        if error.where not in told:
            told.add(error.where)
            found.append(Problem(error.where, str(error).removeprefix(f"{error.where}: ")))
    made = object.__new__(cls)
    for field in fields(cls):
        otherwise = field.default_factory() if field.default_factory is not MISSING else field.default
        value = {**values, **more}.get(field.name, "" if otherwise is MISSING else otherwise)
        object.__setattr__(made, field.name, value)
    for said in made.wrong():
        word, _, rest = said.partition(" ")
        key = f"{where}.{word.rstrip(':')}" if where else word.rstrip(":")
        if key not in told:
            found.append(Problem(key, rest))
    return found, made

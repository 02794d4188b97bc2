# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is wrong with the keys and values of a board's file, where `parse` ends at the first."""

from collections.abc import Collection, Iterator
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


def findings(table: dict[str, Any]) -> list[Problem]:
    """What keeps a table from being a board, as `parse` would say it of each alone; empty where nothing does."""
    parts = {key for key, _, _ in _PARTS}
    buses = table.get("bus")
    rest = {key: value for key, value in table.items() if key not in parts}
    found = [*_wrong(Board, rest, "", there=parts & {*table}, bus=buses if isinstance(buses, dict) else {})]
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
        for where, part in each:
            found += _wrong(cls, part, where)
    return found


def _wrong(cls: type[Any], table: Any, where: str, *, there: Collection[str] = (), **more: Any) -> Iterator[Problem]:
    """What is wrong with a table for a dataclass.

    Args:
        there: Keys that the table has besides, which others look at.
        more: What the dataclass has besides, to say whether it is right.
    """
    if not isinstance(table, dict):
        yield Problem(where, f"must be a table, not {table!r}")
        return
    values, errors = read_each(cls, table, where)
    told = {*there}
    for error in errors:
        if error.where not in told:
            told.add(error.where)
            yield Problem(error.where, str(error).removeprefix(f"{error.where}: "))
    made = object.__new__(cls)
    for field in fields(cls):
        otherwise = field.default_factory() if field.default_factory is not MISSING else field.default
        value = {**values, **more}.get(field.name, "" if otherwise is MISSING else otherwise)
        object.__setattr__(made, field.name, value)
    for said in made.wrong():
        word, _, rest = said.partition(" ")
        key = f"{where}.{word.rstrip(':')}" if where else word.rstrip(":")
        if key not in told:
            yield Problem(key, rest)

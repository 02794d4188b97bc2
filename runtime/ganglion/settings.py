# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a table of TOML into a frozen dataclass, and says exactly what is wrong with it.

The dataclass is the schema and its docstring the documentation. A field without a default is required. A field made
by `duration_field` is written as `10s` and read as integer nanoseconds.
"""

import dataclasses
import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ganglion.errors import InvalidError
from ganglion.units import duration

T = TypeVar("T")

_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
_REQUIRED: Any = object()


def duration_field(default: str = _REQUIRED) -> Any:
    """A dataclass field in nanoseconds that a person writes as a duration such as `10s`."""
    if default is _REQUIRED:
        return dataclasses.field(metadata={"duration": True})
    return dataclasses.field(default=duration(default), metadata={"duration": True})


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean "address"?`, or the list of what is known where nothing is near."""
    names = sorted(known)
    if close := get_close_matches(word, names, 1, cutoff=0.6):
        return f'; did you mean "{close[0]}"?'
    return f"; known here: {', '.join(names)}" if names else ""


def read(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of `cls` from a table.

    Raises:
        InvalidError: a key is unknown (the nearest right one is named), missing, or of another type. `where` and the
            key stand before the sentence, as in `node.toml: sensor.fridge.adress`.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    for key in table:
        if key not in fields:
            raise InvalidError(f"unknown key{nearest(key, fields)}", where=_join(where, key))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            place = _join(where, name)
            value = table[name]
            values[name] = (
                duration(value, where=place) if field.metadata.get("duration") else _typed(value, hints[name], place)
            )
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InvalidError("this key is required", where=_join(where, name))
    try:
        return cls(**values)
    except InvalidError:
        raise
    except ValueError as error:
        raise InvalidError(str(error), where=where) from error


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where and not where.endswith(": ") else f"{where}{key}"


def _typed(value: Any, wanted: Any, where: str) -> Any:
    if isinstance(wanted, types.UnionType):
        kinds = [kind for kind in get_args(wanted) if kind is not type(None)]
    else:
        kinds = [wanted]
    for kind in kinds:
        base = get_origin(kind) or kind
        if base is Any:
            return value
        if base is tuple and isinstance(value, list):
            item = get_args(kind)[0]
            return tuple(_typed(each, item, f"{where}[{i}]") for i, each in enumerate(value))
        if base is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, base) and not (isinstance(value, bool) and base is not bool):
            return value
    expected = " or ".join(_NAMES.get(get_origin(kind) or kind, "a list") for kind in kinds)
    raise InvalidError(f"must be {expected}, not {value!r}", where=where)

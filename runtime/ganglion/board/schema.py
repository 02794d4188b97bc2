# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema of a board's file, made of the dataclasses: for editors, which complete and explain keys by it."""

import dataclasses
import re
import types
from typing import Any, get_args, get_origin, get_type_hints

from ganglion.board.model import Board
from ganglion.board.words import AFTER, BEFORE, CAPABILITIES, METHODS, PACKAGES, PROFILES, RUNS, ZIG_TARGETS

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
#: Keys whose words are known: in a list each, else the value, else the keys of the table.
_WORDS = {
    "runs": RUNS,
    "mesh": PROFILES,
    "method": METHODS,
    "before": BEFORE,
    "after": AFTER,
    "zig_target": ZIG_TARGETS,
    "capabilities": tuple(CAPABILITIES),
    "packages": PACKAGES,
    "mode": ("run", "boot", "both"),
}


def schema() -> dict[str, Any]:
    """Draft 2020-12. A file that it takes `load` and `check` may still refuse."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A board that Ganglion runs on",
        **_object(Board),
    }


def _object(cls: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    documents = _documents(cls.__doc__ or "")
    properties = {}
    required = []
    for field in dataclasses.fields(cls):
        properties[field.name] = {"description": documents[field.name]} | _of(hints[field.name], field.name)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            required.append(field.name)
    made = {"type": "object", "additionalProperties": False, "properties": properties}
    return made | ({"required": required} if required else {})


def _of(hint: Any, key: str) -> dict[str, Any]:
    if isinstance(hint, types.UnionType):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    base, inner = get_origin(hint) or hint, get_args(hint)
    if base is tuple:
        return {"type": "array", "items": _of(inner[0], key)}
    if dataclasses.is_dataclass(base):
        assert isinstance(base, type)
        return _object(base)
    if base is dict:
        values = {} if inner[1] is Any else _of(inner[1], "")
        names = {"propertyNames": {"enum": list(_WORDS[key])}} if key in _WORDS else {}
        return {"type": "object", **names} | ({"additionalProperties": values} if values else {})
    return {"type": _PLAIN[base]} | ({"enum": list(_WORDS[key])} if key in _WORDS else {})


def _documents(text: str) -> dict[str, str]:
    """Field to its sentence, of a docstring's `Attributes:`."""
    _, _, attributes = text.partition("Attributes:\n")
    found: dict[str, str] = {}
    for match in re.finditer(r"^ {8}(\w[\w, ]*): (.+(?:\n {12}.+)*)", attributes, re.MULTILINE):
        for name in match[1].split(", "):
            found[name] = " ".join(match[2].split())
    return found

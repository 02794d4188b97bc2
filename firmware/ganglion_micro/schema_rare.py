# SPDX-License-Identifier: GPL-3.0-or-later
"""The keywords of JSON Schema that few schemas have: a board loads them with the first that does."""

from ganglion_micro.pattern import MAX_TEXT, search
from ganglion_micro.schema import invalid
from ganglion_micro.text import json, text

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any


def rare(value: "Any", schema: "dict[str, Any]", path: str, where: str) -> str:
    """What is wrong with a value by these keywords; empty where it is valid. `pattern` is a compiled program."""
    wrong = _joined(value, schema, path, where)
    kind = type(value)
    if wrong:
        return wrong
    if kind is int or kind is float:
        return _number(value, schema, where)
    if kind is str and "pattern" in schema:
        return _matching(value, schema["pattern"], where)
    if isinstance(value, (list, tuple)) and schema.get("uniqueItems"):
        return _unique(value, path)
    return ""


def _joined(value: "Any", schema: "dict[str, Any]", path: str, where: str) -> str:
    """What is wrong by the keywords that hold schemas for the same value."""
    for each in schema.get("allOf", ()):
        wrong = invalid(value, each, path)
        if wrong:
            return wrong
    for key in ("anyOf", "oneOf"):
        if key in schema:
            fits = sum([not invalid(value, each, path) for each in schema[key]])
            if not fits:
                return "{} is nothing of {}".format(where, key)
            if fits > 1 and key == "oneOf":
                return "{} is {} of oneOf at once".format(where, fits)
    if "not" in schema and not invalid(value, schema["not"], path):
        return "{} is what it must not be".format(where)
    return ""


def _number(value: "Any", schema: "dict[str, Any]", where: str) -> str:
    bound = schema.get("exclusiveMinimum")
    if bound is not None and value <= bound:
        return "{} is not above {}".format(where, text(bound))
    bound = schema.get("exclusiveMaximum")
    if bound is not None and value >= bound:
        return "{} is not below {}".format(where, text(bound))
    unit = schema.get("multipleOf")
    if unit is not None and not _multiple(value, unit):
        return "{} is no multiple of {}".format(where, text(unit))
    return ""


def _multiple(value: "Any", unit: "Any") -> bool:
    if type(value) is int and type(unit) is int:
        return bool(value % unit == 0)
    ratio = value / unit
    return bool(ratio - ratio == 0 and ratio == int(ratio))


def _matching(value: str, program: "list[Any]", where: str) -> str:
    if len(value) > MAX_TEXT:
        return "{} is longer than the {} characters that a pattern is held to".format(where, MAX_TEXT)
    return "" if search(program, value) else "{} does not match the pattern".format(where)


def _unique(value: "Any", path: str) -> str:
    seen = set()
    for i in range(len(value)):
        shown = _canonical(value[i])
        if shown in seen:
            return "{}[{}] stands there twice".format(path, i)
        seen.add(shown)
    return ""


def _canonical(value: "Any") -> str:
    """One text for values that are the same: as JSON, with 1.0 written as 1."""
    if type(value) is float and value - value == 0 and value == int(value):
        return str(int(value))
    if isinstance(value, dict):
        return "{" + ",".join([json(key) + ":" + _canonical(value[key]) for key in sorted(value, key=str)]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_canonical(each) for each in value]) + "]"
    return json(value)

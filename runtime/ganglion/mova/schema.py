# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the short form of a prompt's `schema` into JSON Schema, and refuses what a device could not check.

    {cause: {enum: [door, power]}, urgent: boolean, note?: string, parts: [string], level: [low, high]}

A name with `?` may be left out of the answer. A list of one type's name is a list of it, any other list the values
allowed. A map with one of JSON Schema's keywords is JSON Schema as it stands.
"""

from collections.abc import Callable, Iterable
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.source import inside
from ganglion.settings import nearest
from ganglion_micro.schema import KEYWORDS, NOTES, TYPES

Wrong = Callable[[Place, str], None]
_ALIASES = {"text": "string", "bool": "boolean", "int": "integer", "float": "number", "list": "array", "map": "object"}
#: Keywords of JSON Schema that constrain and that a device does not check.
_BEYOND = {
    "pattern",
    "format",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "uniqueItems",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "contains",
    "prefixItems",
    "dependentRequired",
}
_SAYS = {"type", "enum", "const", "properties", "items"}


def expand(schema: Any, place: Place, wrong: Wrong) -> dict[str, Any]:
    """JSON Schema of the short form, or of JSON Schema itself.

    Args:
        wrong: Told, with its place, of each part that is not understood or that a device cannot check.
    """
    if isinstance(schema, dict) and not _is_schema(schema):
        properties: dict[str, Any] = {}
        required = []
        for name, part in schema.items():
            clean = name.removesuffix("?")
            properties[clean] = expand(part, inside(place, schema, name), wrong)
            if clean == name:
                required.append(name)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if isinstance(schema, dict):
        return _check(schema, place, wrong)
    if isinstance(schema, str):
        name = _ALIASES.get(schema, schema)
        if name not in TYPES:
            wrong(place, f"{schema!r} is not a type{nearest(schema, TYPES)}")
        return {"type": name}
    if isinstance(schema, list) and schema:
        if len(schema) == 1 and isinstance(schema[0], str) and _ALIASES.get(schema[0], schema[0]) in TYPES:
            return {"type": "array", "items": expand(schema[0], inside(place, schema, 0), wrong)}
        if len(schema) == 1 and isinstance(schema[0], dict):
            return {"type": "array", "items": expand(schema[0], inside(place, schema, 0), wrong)}
        return {"enum": list(schema)}
    wrong(place, "a schema is a map of names to types, the name of a type, or a list of the values allowed")
    return {}


def _is_schema(schema: dict[str, Any]) -> bool:
    """Whether a map is JSON Schema, and not a map of names that happens to have one of its words for a name."""
    kind = schema.get("type")
    if isinstance(kind, str) and kind in TYPES:
        return "properties" in schema or all(
            key in KEYWORDS or key in NOTES or key in _BEYOND or key.startswith("$") for key in schema
        )
    if "enum" in schema and isinstance(schema["enum"], list):
        return True
    return bool(schema) and bool(schema.keys() & _SAYS) and all(key in KEYWORDS or key in NOTES for key in schema)


def _check(schema: dict[str, Any], place: Place, wrong: Wrong) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in schema.items():
        where = inside(place, schema, key)
        if key in NOTES:
            continue
        if key not in KEYWORDS:
            wrong(where, f"{key!r} cannot be checked on a device{nearest(key, KEYWORDS)}")
        elif key == "properties":
            if not isinstance(value, dict):
                wrong(where, "properties must be a map")
                continue
            made[key] = {name: expand(part, inside(where, value, name), wrong) for name, part in value.items()}
        elif key == "items":
            made[key] = expand(value, where, wrong)
        else:
            if not _fits(key, value):
                wrong(where, f"{value!r} does not fit {key}")
            made[key] = value
    return made


def _fits(key: str, value: Any) -> bool:
    if key == "type":
        return value in TYPES if isinstance(value, str) else _texts(value) and all(each in TYPES for each in value)
    if key == "enum":
        return isinstance(value, list) and bool(value)
    if key == "required":
        return isinstance(value, list) and (not value or _texts(value))
    if key == "additionalProperties":
        return isinstance(value, bool)
    if key in ("minimum", "maximum"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if key == "const":
        return True
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and _all_text(value)


def _all_text(values: Iterable[Any]) -> bool:
    return all(isinstance(each, str) for each in values)

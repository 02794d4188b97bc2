# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the short form of a prompt's `schema` into JSON Schema, and refuses what a device could not check.

A contract's `schema` is JSON Schema (2020-12) throughout, for what goes into its tools and what comes out of them.

    {cause: {enum: [door, power]}, urgent: boolean, note?: string, parts: [string], level: [low, high]}

A name with `?` may be left out of the answer. A list of one type's name is a list of it, any other list the values
allowed. A map with one of JSON Schema's keywords is JSON Schema as it stands.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ganglion.mova.diagnostic import Place
from ganglion.mova.source import inside
from ganglion.pattern import PatternError, compile_pattern
from ganglion.settings import hint
from ganglion.words import _
from ganglion_micro.schema import KEYWORDS as COMMON
from ganglion_micro.schema import NOTES, RARE, TYPES

KEYWORDS = [*COMMON, *RARE]

_ALIASES = {"text": "string", "bool": "boolean", "int": "integer", "float": "number", "list": "array", "map": "object"}
#: Keywords of JSON Schema that constrain and that a device does not check.
_BEYOND = {
    "if",
    "then",
    "else",
    "patternProperties",
    "propertyNames",
    "contains",
    "prefixItems",
    "dependentRequired",
}
#: Keywords of JSON Schema whose value is a list of schemas, or one.
_LISTS = ("allOf", "anyOf", "oneOf")
_ONE = ("items", "not")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_SAYS = {"type", "enum", "const", "properties", "items"}


class Wrong(Protocol):
    """What is told of a part that is wrong."""

    def __call__(self, place: Place, message: str, hint: str = "") -> None:
        """Takes one finding."""


Part = Callable[[Any, Place, Wrong], dict[str, Any]]


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
        _no_pattern(schema, place, wrong)
        return _check(schema, place, wrong, expand)
    if isinstance(schema, str):
        name = _ALIASES.get(schema, schema)
        if name not in TYPES:
            wrong(place, _("{name!r} is not a type").format(name=schema), hint(schema, TYPES))
        return {"type": name}
    if isinstance(schema, list) and schema:
        if len(schema) == 1 and isinstance(schema[0], str) and _ALIASES.get(schema[0], schema[0]) in TYPES:
            return {"type": "array", "items": expand(schema[0], inside(place, schema, 0), wrong)}
        if len(schema) == 1 and isinstance(schema[0], dict):
            return {"type": "array", "items": expand(schema[0], inside(place, schema, 0), wrong)}
        return {"enum": list(schema)}
    wrong(place, _("a schema is a map of names to types, the name of a type, or a list of the values allowed"))
    return {}


def strict(schema: Any, place: Place, wrong: Wrong) -> dict[str, Any]:
    """JSON Schema as it stands, with patterns compiled; for the arguments see `expand`."""
    if isinstance(schema, bool):  # JSON Schema Core, 4.3.2
        return {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        wrong(place, _("a JSON Schema is a map"))
        return {}
    return _check(schema, place, wrong, strict)


def offered(schema: Any, place: Place, wrong: Wrong) -> dict[str, Any]:
    """JSON Schema of what a model gives a tool, as it is shown and held to it; for the arguments see `expand`."""
    if not isinstance(schema, dict):
        return strict(schema, place, wrong)
    _no_pattern(schema, place, wrong)
    notes = {key: schema[key] for key in NOTES if key in schema}
    return _check(schema, place, wrong, offered) | notes


def contract(schema: Any, place: Place, wrong: Wrong) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The schemas of what goes in and of what comes out; None for no bounds.

    A contract has them as `request` and `response`. Where it has neither word, it is all one schema of what comes out.
    """
    if not isinstance(schema, dict) or not schema:
        return None, None
    if "request" not in schema and "response" not in schema:
        return None, strict(schema, place, wrong)
    for key in schema:
        if key not in ("request", "response"):
            message = _("{key!r} stands beside `request` and `response`").format(key=key)
            wrong(inside(place, schema, key), message, _("put it into one of the two"))
    request, response = (
        strict(schema[key], inside(place, schema, key), wrong) if key in schema else None
        for key in ("request", "response")
    )
    return request, response


def _no_pattern(schema: dict[str, Any], place: Place, wrong: Wrong) -> None:
    """What a model is shown must be what it is held to, and that is a program here."""
    if "pattern" in schema:
        where = inside(place, schema, "pattern")
        wrong(where, _("'pattern' is for contracts"), _("say in words what is wanted"))


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


def _check(schema: dict[str, Any], place: Place, wrong: Wrong, part: Part) -> dict[str, Any]:
    """The keywords of one schema; `part` reads the schemas inside it."""
    made: dict[str, Any] = {}
    for key, value in schema.items():
        where = inside(place, schema, key)
        if key in NOTES:
            continue
        if key not in KEYWORDS:
            wrong(where, _("{key!r} cannot be checked on a device").format(key=key), hint(key, KEYWORDS))
        elif key == "properties" and isinstance(value, dict):
            made[key] = {name: part(each, inside(where, value, name), wrong) for name, each in value.items()}
        elif key in _ONE or (key == "additionalProperties" and isinstance(value, dict)):
            made[key] = part(value, where, wrong)
        elif key in _LISTS and isinstance(value, list) and value:
            made[key] = [part(each, inside(where, value, i), wrong) for i, each in enumerate(value)]
        elif key == "pattern" and isinstance(value, str):
            try:
                made[key] = compile_pattern(value)
            except PatternError as error:
                wrong(where, _("not a pattern: {error}").format(error=error))
        elif fits(key, value):
            made[key] = value
        else:
            wrong(where, _("{value!r} does not fit {key}").format(value=value, key=key))
    return made


def fits(key: str, value: Any) -> bool:
    """Whether a value may stand under a keyword that has no schema in it."""
    if key == "type":
        return value in TYPES if isinstance(value, str) else _texts(value) and all(each in TYPES for each in value)
    if key == "enum":
        return isinstance(value, list) and bool(value)
    if key == "required":
        return isinstance(value, list) and (not value or _texts(value))
    if key in ("additionalProperties", "uniqueItems"):
        return isinstance(value, bool)
    if key in _BOUNDS or key == "multipleOf":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (key in _BOUNDS or value > 0)
    if key == "const":
        return True
    return key[:3] in ("min", "max") and isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and _all_text(value)


def _all_text(values: Iterable[Any]) -> bool:
    return all(isinstance(each, str) for each in values)

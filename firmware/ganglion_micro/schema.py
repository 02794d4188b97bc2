# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a value against a JSON Schema of the keywords that a device needs, so that nobody is taken at his word.

Known are those of `KEYWORDS` and `RARE` (JSON Schema 2020-12, Validation and Applicator); `format` is a note, as it is
by default there. A schema with another keyword that would constrain is refused when the script is checked, never passed
over here.
"""

from ganglion_micro.condition import same
from ganglion_micro.secret_text import SecretText
from ganglion_micro.text import text

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

KEYWORDS = [
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minProperties",
    "maxProperties",
]
#: Those that `ganglion_micro.schema_rare` knows, which is loaded where a schema has one.
RARE = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "pattern",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "uniqueItems",
]
#: Keywords that say something and constrain nothing.
NOTES = ["title", "description", "default", "examples", "$schema", "$id", "$comment", "format"]
TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"]


def invalid(value: "Any", schema: "dict[str, Any]", path: str = "") -> str:
    """What is wrong with a value, as a sentence that begins with its place; empty where it is valid."""
    where = path or "the value"
    wanted = schema.get("type")
    if wanted is not None:
        kinds = [wanted] if type(wanted) is str else wanted
        for kind in kinds:
            if _is(value, kind):
                break
        else:
            return "{} is not of type {}".format(where, " or ".join(kinds))
    if "enum" in schema:
        for allowed in schema["enum"]:
            if same(value, allowed):
                break
        else:
            return "{} is none of the values allowed".format(where)
    if "const" in schema and not same(value, schema["const"]):
        return "{} is not the value required".format(where)
    for key in RARE:
        if key in schema:
            from ganglion_micro.schema_rare import rare

            wrong = rare(value, schema, path, where)
            if wrong:
                return wrong
            break
    kind = type(value)
    if kind is int or kind is float:
        if "minimum" in schema and value < schema["minimum"]:
            return "{} is below {}".format(where, text(schema["minimum"]))
        if "maximum" in schema and value > schema["maximum"]:
            return "{} is above {}".format(where, text(schema["maximum"]))
    elif kind is str:
        return _length(value, schema, "Length", where)
    elif isinstance(value, dict):
        return _length(value, schema, "Properties", where) or _members(value, schema, path, where)
    elif isinstance(value, (list, tuple)):
        wrong = _length(value, schema, "Items", where)
        items = schema.get("items")
        if wrong or not items:
            return wrong
        for i in range(len(value)):
            wrong = invalid(value[i], items, "{}[{}]".format(path, i))
            if wrong:
                return wrong
    return ""


def _is(value: "Any", kind: str) -> bool:
    if kind == "string":
        return isinstance(value, (str, SecretText))
    if kind == "boolean":
        return type(value) is bool
    if kind == "integer":
        return type(value) is int or (type(value) is float and value - value == 0 and value == int(value))
    if kind == "number":
        return type(value) is int or type(value) is float
    if kind == "object":
        return isinstance(value, dict)
    if kind == "array":
        return isinstance(value, (list, tuple))
    return value is None


def _length(value: "Any", schema: "dict[str, Any]", what: str, where: str) -> str:
    if len(value) < schema.get("min" + what, 0):
        return "{} is shorter than {}".format(where, schema["min" + what])
    most = schema.get("max" + what)
    if most is not None and len(value) > most:
        return "{} is longer than {}".format(where, most)
    return ""


def _members(value: "dict[str, Any]", schema: "dict[str, Any]", path: str, where: str) -> str:
    for name in schema.get("required", ()):
        if name not in value:
            return "{} lacks {}".format(where, name)
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name in sorted(value, key=str):
        if name not in properties and others is False:
            return "{} has {}, which is not allowed".format(where, name)
        each = properties.get(name, others)
        if isinstance(each, dict):
            wrong = invalid(value[name], each, "{}.{}".format(path, name) if path else name)
            if wrong:
                return wrong
    return ""

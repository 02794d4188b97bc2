# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON Schema of the types of `ganglion.client.documents`: what OpenAPI says of an answer. Pure."""

from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, Any]
_PLAIN: dict[Any, Schema] = {
    Any: {},
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}


def schema_of(kind: Any, known: dict[str, Schema]) -> Schema:
    """The schema of a type.

    Args:
        kind: A `TypedDict`, a list, a map of texts, a union, literals, or a plain type of JSON.
        known: Components by name; those of each `TypedDict` that is met are put there.

    Raises:
        TypeError: JSON has nothing like it.
    """
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if is_typeddict(kind):
        return _component(kind, known)
    origin, words = get_origin(kind), get_args(kind)
    if origin is NotRequired:
        return schema_of(words[0], known)
    if origin is Literal:
        return {"enum": list(words)}
    if origin in (Union, UnionType):
        return {"anyOf": [schema_of(word, known) for word in words]}
    if origin is list:
        return {"type": "array", "items": schema_of(words[0], known)}
    if origin is dict and words[0] is str:
        return {"type": "object", "additionalProperties": schema_of(words[1], known)}
    raise TypeError(f"JSON has nothing like {kind!r}")


def _component(kind: Any, known: dict[str, Schema]) -> Schema:
    name = kind.__name__
    if name not in known:
        known[name] = made = {"title": name, "type": "object"}
        if kind.__doc__:
            made["description"] = kind.__doc__
        made["properties"] = {
            each: schema_of(hint, known) for each, hint in get_type_hints(kind, include_extras=True).items()
        }
        made["required"] = sorted(kind.__required_keys__)
    return {"$ref": f"#/components/schemas/{name}"}

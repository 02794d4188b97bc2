# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of the vocabulary speaks of a value: the kinds of `ganglion.mova.shape`, followed downwards."""

from ganglion.mova.authentication import Authentication
from ganglion.mova.shape import Anything, Field, Kind, ListOf, ListOrMap, MapOf, Object, OneOrMany, TextOrMap
from ganglion.mova.vocabulary import Branch, Nested

ANYTHING = Anything()


def in_map(kind: Kind) -> Kind:
    """The kind of a value that is a map."""
    match kind:
        case Nested():
            return in_map(kind.kind)
        case OneOrMany():
            return in_map(kind.item)
        case ListOrMap() | TextOrMap() | Authentication():
            return kind.as_map
    return kind


def in_list(kind: Kind) -> Kind:
    """The kind of an item of a value that is a list."""
    match kind:
        case Nested():
            return in_list(kind.kind)
        case Branch():
            return in_list(kind.steps)
        case ListOrMap():
            return in_list(kind.as_list)
        case OneOrMany() | ListOf():
            return kind.item
    return ANYTHING


def fields(kind: Object, chosen: str) -> dict[str, Field]:
    """The keys of an object in their order; those that a chosen case brings, as an action does, stand behind it."""
    found: dict[str, Field] = {}
    for key, field in kind.fields.items():
        found[key] = field
        if key == kind.by and kind.cases is not None:
            found |= kind.cases.get(chosen, {})
    return found


def below(kind: Kind, key: str, chosen: str) -> Kind:
    """The kind of the value under a key of a map."""
    match in_map(kind):
        case Object() as named:
            field = fields(named, chosen).get(key)
            return ANYTHING if field is None else field.kind
        case MapOf(value):
            return value
    return ANYTHING

# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a table of TOML into a frozen dataclass, and says exactly what is wrong with it.

The dataclass is the schema and its docstring the documentation. A field without a default is required. A field made
by `duration_field` is written as `10s` and read as integer nanoseconds; one made by `size_field` is written as `16MB`,
or as a whole number, and read as bytes.
"""

import dataclasses
import types
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.sentences import either, joined, say
from ganglion.units import duration, size
from ganglion.words import spoken

T = TypeVar("T")

_NAMES = {
    str: say("text"),
    int: say("a whole number"),
    float: say("a number"),
    bool: say("true or false"),
    list: say("a list"),
    dict: say("a table"),
}
_REQUIRED: Any = object()


def duration_field(default: str = _REQUIRED) -> Any:
    """A dataclass field in nanoseconds that a person writes as a duration such as `10s`."""
    if default is _REQUIRED:
        return dataclasses.field(metadata={"duration": True})
    return dataclasses.field(default=duration(default), metadata={"duration": True})


def size_field(default: str) -> Any:
    """A dataclass field in bytes that a person writes as a size such as `16MB`."""
    return dataclasses.field(default=size(default), metadata={"size": True})


def read_each(cls: type[Any], table: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[InvalidError]]:
    """The values of a table that are of their types, and all that is wrong with its keys and types: see `read`."""
    values, mistyped = _values(cls, table, where)
    return values, [InvalidError(said, where=_join(where, key)) for key, said in _keys(cls, table)] + mistyped


def _keys(cls: type[Any], table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Keys that are unknown or missing, and what is to be said of each."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = [key for key in table if key not in fields]
    meant = {closest(key, fields) for key in unknown}
    missing = [name for name, field in fields.items() if _is_required(field) and name not in {*table, *meant}]
    wrong: list[tuple[str, str]] = [(key, say("unknown key{near}", near=nearest(key, fields))) for key in unknown]
    return wrong + [(name, say("this key is required")) for name in missing]


def _values(cls: type[Any], table: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[InvalidError]]:
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    wrong = []
    for field in dataclasses.fields(cls):
        if field.name in table:
            place, value = _join(where, field.name), table[field.name]
            try:
                if field.metadata.get("duration"):
                    values[field.name] = duration(value, where=place)
                elif field.metadata.get("size") and type(value) is not int:
                    values[field.name] = size(value, where=place)
                else:
                    values[field.name] = _typed(value, hints[field.name], place)
            except InvalidError as error:
                wrong.append(error)
    return values, wrong


#: Letters of a word, and words, among which a near one is looked for: what it takes grows with both.
_MANY = 200
#: Letters by which a near one of many may be longer or shorter, and how many are listed where none is near.
_NEAR, _LISTED = 2, 10


def closest(word: str, known: Collection[str]) -> str | None:
    """The known word that is most like this one; None where none is, or where they are too many or too long."""
    if max(len(word), len(known)) > _MANY:
        return None
    folded = {each.casefold(): each for each in sorted(known, reverse=True)}
    if word not in folded and (same := folded.get(word.casefold())) is not None:
        return same
    return next(iter(get_close_matches(word, sorted(known), 1, cutoff=0.6)), None)


def closest_of_many(word: str, known: Collection[str]) -> str | None:
    """As `closest`, of however many: it is given those alike, as comparing with each would take a loop's time."""
    if len(known) <= _MANY:
        return closest(word, known)
    alike = (each for each in sorted(known) if each[:1] == word[:1] and abs(len(each) - len(word)) <= _NEAR)
    return closest(word, list(islice(alike, _MANY)))


def hint(word: str, known: Collection[str]) -> str:
    """`did you mean "address"?`, or the list of what is known where nothing is near and it is not too long."""
    if (close := closest(word, known)) is not None:
        return spoken(say('did you mean "{name}"?', name=close))
    if not 0 < len(known) <= _MANY:
        return ""
    return spoken(say("known here: {names}", names=", ".join(sorted(known))))


def nearest(word: str, known: Collection[str]) -> str:
    """A hint as the end of a sentence: `; did you mean "address"?`."""
    said = hint(word, known)
    return joined("; ", ["", said]) if said else ""


def meant(word: str, known: Collection[str]) -> str:
    """As `nearest`, for a sentence that lists what is known already: nothing where no word is near."""
    return nearest(word, known) if closest(word, known) is not None else ""


def instead(word: str, known: Iterable[str], listing: str = "") -> str:
    """What may have been meant, as the end of a sentence, of however many: the near one, else the first ten.

    Args:
        listing: The command that lists all, which is named where not all are.
    """
    names = sorted(set(known))
    if (near := closest_of_many(word, names)) is not None:
        return joined("; ", ["", say('did you mean "{name}"?', name=near)])
    if not names:
        return say("; there is none yet")
    more = len(names) - _LISTED
    if more <= 0:
        return say("; known are {names}", names=", ".join(names))
    some = ", ".join(names[:_LISTED])
    if not listing:
        return say("; known are {names} and {count} more", names=some, count=more)
    return say("; known are {names} and {count} more: `{command}` lists all", names=some, count=more, command=listing)


def read(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of `cls` from a table.

    Raises:
        InvalidError: keys are unknown (the nearest right one is named) or missing, or one is of another type. `where`
            and the key stand before the sentence, as in `node.toml: sensor.fridge.adress`.
    """
    if wrong := _keys(cls, table):
        (first, said), *others = wrong
        for key, each in others:
            first_said = said if said.endswith("?") else joined("", [said, "."])
            said = say("{first} Also {key}: {other}", first=first_said, key=key, other=each)
        raise InvalidError(said, where=_join(where, first))
    values, mistyped = _values(cls, table, where)
    if mistyped:
        raise mistyped[0]
    try:
        return cls(**values)
    except ValueError as error:
        if isinstance(error, InvalidError) and error.where:
            raise  # it names the place itself
        raise InvalidError(sentences.of(error), where=where.removesuffix(": ")) from error


def choice(table: Mapping[str, Any], key: str, known: Collection[str], where: str) -> str:
    """The word that says which schema a table has: `kind` of a sensor, `driver` of an actuator.

    Raises:
        InvalidError: it is missing, or none of those that are known; a key that is nearly `key` is named.
    """
    if key not in table and (wrong := next((each for each in table if closest(each, [key])), None)) is not None:
        raise InvalidError(say("unknown key{near}", near=nearest(wrong, [key])), where=_join(where, wrong))
    word = table.get(key)
    if not isinstance(word, str) or word not in known:
        said = say("this key is required") if word is None else say("there is no {key} {word!r}", key=key, word=word)
        raise InvalidError(joined("", [said, nearest(str(word), known)]), where=_join(where, key))
    return word


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


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
    expected = either(_NAMES.get(get_origin(kind) or kind, say("a list")) for kind in kinds)
    raise InvalidError(say("must be {expected}, not {value!r}", expected=expected, value=value), where=where)

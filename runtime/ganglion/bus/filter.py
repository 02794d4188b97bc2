# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter language for events, as JSON: for subscriptions of people and the fleet, the same wherever one is written.

    {"value": {"$gt": 8, "$lt": 40}, "source": "fridge", "$or": [{"priority": {"$gte": 2}}, {"value.door": "open"}]}

All entries of a map must hold, and all operators of a field. A field is `topic`, `value`, `timestamp`, `source` or
`priority`, and after a dot what is inside of a value: a key, or a place in a list. What is not there equals nothing: it
passes `$ne`, `$nin` and `{"$exists": false}`, and nothing else. true and false are the numbers 1 and 0, as everywhere
on the bus. `$lt` and its like compare numbers with numbers and texts with texts. `$bitsAllSet` and `$bitsAnySet` look
at the bits of whole numbers from 0 to 2^53: of a status word, say.
"""

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from ganglion.errors import InvalidError, no_json
from ganglion.event import Event
from ganglion.pattern import PatternError, compile_pattern
from ganglion.settings import nearest
from ganglion_micro import filter as m

#: Levels of a filter, and tests in all.
MAX_DEPTH = 16
MAX_TESTS = 128

_FIELDS = {name: index for index, name in enumerate(Event._fields)}
_VALUE = _FIELDS["value"]
_TEXTS = (_FIELDS["topic"], _FIELDS["source"])


class Filter:
    """A filter that was read.

    Args:
        source: The JSON document: a map.
        where: What the document is, for the messages of errors.

    Attributes:
        source: The document.
        program: What `ganglion_micro.filter.passes` takes; can be sent as CBOR.

    Raises:
        InvalidError: it is none; the message names the part and, for a misspelt word, the nearest right one.
    """

    def __init__(self, source: Mapping[str, Any], *, where: str = "where") -> None:
        self.source = source
        self.program = _Reader().read(source, where, 0)

    @classmethod
    def parse(cls, text: str, *, where: str = "where") -> "Filter":
        """A filter as it is written in JSON.

        Raises:
            InvalidError: it is no JSON, says a key twice, or is no filter.
        """
        try:
            source = json.loads(text, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise InvalidError(no_json(error), where=where) from None
        return cls(source, where=where)

    def passes(self, event: Event) -> bool:
        """Whether an event passes."""
        return m.passes(self.program, event)

    def __repr__(self) -> str:
        return f"Filter({self.source!r})"


class _Reader:
    def __init__(self) -> None:
        self._tests = 0

    def read(self, source: Any, where: str, depth: int) -> list[Any]:
        if not isinstance(source, Mapping):
            raise InvalidError(f"a filter is a map of fields, not {_shown(source)}", where=where)
        if depth > MAX_DEPTH:
            raise InvalidError(f"a filter has at most {MAX_DEPTH} levels", where=where)
        if not source:
            self._count(1, where)
        parts = []
        for name, operand in source.items():
            here = f"{where}.{name}"
            if name in ("$and", "$or"):
                parts.append([m.ALL if name == "$and" else m.ANY, self._several(operand, here, depth)])
            elif name == "$not":
                parts.append([m.NOT, self.read(operand, here, depth + 1)])
            else:
                parts += self._field(_path(name, here), operand, here, depth)
        return parts[0] if len(parts) == 1 else [m.ALL, parts]

    def _several(self, operand: Any, where: str, depth: int) -> list[Any]:
        if not isinstance(operand, list) or not operand:
            raise InvalidError(f"takes a list of at least one filter, not {_shown(operand)}", where=where)
        return [self.read(part, f"{where}[{i}]", depth + 1) for i, part in enumerate(operand)]

    def _field(self, path: list[Any], operand: Any, where: str, depth: int) -> list[Any]:
        """What is asked of one field: a value that it equals, or a map of operators."""
        if not isinstance(operand, Mapping):
            return [self._test("$eq", path, operand, where)]
        if depth > MAX_DEPTH:
            raise InvalidError(f"a filter has at most {MAX_DEPTH} levels", where=where)
        if not operand:
            raise InvalidError('has no operator: write {"$exists": true} for any value', where=where)
        parts: list[Any] = []
        for name, value in operand.items():
            here = f"{where}.{name}"
            if name == "$not":
                if not isinstance(value, Mapping):
                    raise InvalidError(f"takes a map of operators, not {_shown(value)}", where=here)
                inner = self._field(path, value, here, depth + 1)
                parts.append([m.NOT, inner[0] if len(inner) == 1 else [m.ALL, inner]])
            else:
                parts.append(self._test(name, path, value, here))
        return parts

    def _test(self, name: str, path: list[Any], operand: Any, where: str) -> list[Any]:
        if name not in _OPERATORS:
            raise InvalidError(f"there is no operator {name!r}{nearest(name, [*_OPERATORS, '$not'])}", where=where)
        self._count(max(1, len(operand)) if isinstance(operand, list) else 1, where)
        operator, check = _OPERATORS[name]
        if len(path) == 1 and path[0] != _VALUE and operator != m.EXISTS:
            _check_kind(path[0], name, operand, where)
        return [m.TEST, operator, path, check(operand, where)]

    def _count(self, tests: int, where: str) -> None:
        self._tests += tests
        if self._tests > MAX_TESTS:
            raise InvalidError(f"a filter has at most {MAX_TESTS} comparisons", where=where)


def _path(name: Any, where: str) -> list[Any]:
    if not isinstance(name, str):
        raise InvalidError(f"a field is a text, not {_shown(name)}", where=where)
    root, *steps = name.split(".")
    if root.startswith("$"):
        words = [*_OPERATORS, "$and", "$or", "$not"]
        remedy = "; it belongs inside of a field" if root in _OPERATORS else nearest(root, words)
        raise InvalidError(f"{root!r} joins no filters{remedy}", where=where)
    if root not in _FIELDS:
        raise InvalidError(f"an event has no field {root!r}{nearest(root, list(_FIELDS))}", where=where)
    if steps and root != "value":
        raise InvalidError(f"there is nothing inside of {root!r}: only a value has parts", where=where)
    if not all(steps):
        raise InvalidError("there is a name missing beside a dot", where=where)
    return [_FIELDS[root], *steps]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A map of JSON whose keys are all different."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return made


def _check_kind(field: int, operator: str, operand: Any, where: str) -> None:
    """A topic and a source are texts; a time and a priority are numbers."""
    is_text = field in _TEXTS
    wants = "a text" if is_text else "a number"
    if (is_text and operator.startswith("$bits")) or (not is_text and operator in ("$regex", "$contains")):
        raise InvalidError(f"is no question to {wants}, which this field is", where=where)
    for one in operand if isinstance(operand, list) else [operand]:
        if isinstance(one, bool) or not isinstance(one, str if is_text else int | float):
            raise InvalidError(f"takes {wants} for this field, not {_shown(one)}", where=where)


def _any(operand: Any, where: str) -> Any:
    if isinstance(operand, float) and not math.isfinite(operand):
        raise InvalidError("takes a finite number", where=where)
    if operand is not None and not isinstance(operand, bool | int | float | str | list | Mapping):
        raise InvalidError(f"takes a value of JSON, not {_shown(operand)}", where=where)
    return operand


def _orderable(operand: Any, where: str) -> Any:
    if isinstance(operand, bool) or not isinstance(operand, int | float | str):
        raise InvalidError(f"takes a number or a text, not {_shown(operand)}", where=where)
    return _any(operand, where)


def _list(operand: Any, where: str) -> Any:
    if not isinstance(operand, list):
        raise InvalidError(f"takes a list, not {_shown(operand)}", where=where)
    return [_any(one, f"{where}[{i}]") for i, one in enumerate(operand)]


def _pattern(operand: Any, where: str) -> Any:
    if not isinstance(operand, str):
        raise InvalidError(f"takes a pattern, which is a text, not {_shown(operand)}", where=where)
    try:
        return compile_pattern(operand)
    except PatternError as error:
        raise InvalidError(f"cannot be read: {error}", where=where) from None


def _mask(operand: Any, where: str) -> Any:
    if isinstance(operand, bool) or not isinstance(operand, int) or not 0 <= operand < 2**53:
        raise InvalidError(f"takes a whole number from 0 to 2^53 for its bits, not {_shown(operand)}", where=where)
    return operand


def _bool(operand: Any, where: str) -> Any:
    if not isinstance(operand, bool):
        raise InvalidError(f"takes true or false, not {_shown(operand)}", where=where)
    return operand


_OPERATORS: dict[str, tuple[int, Callable[[Any, str], Any]]] = {
    "$eq": (m.EQ, _any),
    "$ne": (m.NE, _any),
    "$lt": (m.LT, _orderable),
    "$lte": (m.LTE, _orderable),
    "$gt": (m.GT, _orderable),
    "$gte": (m.GTE, _orderable),
    "$in": (m.IN, _list),
    "$nin": (m.NIN, _list),
    "$contains": (m.CONTAINS, _any),
    "$regex": (m.REGEX, _pattern),
    "$exists": (m.EXISTS, _bool),
    "$bitsAllSet": (m.ALL_SET, _mask),
    "$bitsAnySet": (m.ANY_SET, _mask),
}


def _shown(value: Any) -> str:
    return reprlib.repr(value)  # bounded in length and depth

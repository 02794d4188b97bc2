# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what a value must look like, and compares: the kinds of values that `vocabulary` makes its tables of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import InvalidError
from ganglion.mova.diagnostic import Place
from ganglion.mova.source import Map, Report, at_key, inside
from ganglion.mova.values import kind_of
from ganglion.settings import nearest
from ganglion.units import DURATION, duration

_IDENTIFIER = re.compile(r"[a-zA-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class Context:
    """What the kinds need to know of the document: where to report, and whether it asks for the edge dialect."""

    report: Report
    edge: bool

    def wrong_type(self, place: Place, wanted: str, value: Any) -> None:
        """Reports a value of another type."""
        shown = f" {value!r}" if isinstance(value, str | int | float) and len(repr(value)) < 60 else ""
        name = place.path.rpartition(".")[2] or "the document"
        self.report.add("MV102", place, f"{name} must be {wanted}, and this is {kind_of(value)}{shown}")


class Kind(Protocol):
    """One kind of value."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports what is wrong with a value."""

    def schema(self, edge: bool) -> dict[str, Any]:
        """JSON Schema (2020-12) of a right one, for editors; `edge` for the edge dialect."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Every value."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Accepts it."""

    def schema(self, edge: bool) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class Text:
    """Text. An `identifier` matches `^[a-zA-Z0-9_]+$`; `filled` text is not empty."""

    identifier: bool = False
    filled: bool = False

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, an empty text, a character that an identifier may not have."""
        if not isinstance(value, str):
            context.wrong_type(place, "text", value)
        elif (self.filled or self.identifier) and not value.strip():
            context.report.add("MV110", place, f"{place.path.rpartition('.')[2]} is empty")
        elif self.identifier and not _IDENTIFIER.fullmatch(value):
            context.report.add(
                "MV105", place, f"{value!r} may have letters of A to Z, digits and _ only, in a document with classes"
            )

    def schema(self, edge: bool) -> dict[str, Any]:
        pattern = f"^{_IDENTIFIER.pattern}$" if self.identifier else r"\S" if self.filled else None
        return {"type": "string"} | ({"pattern": pattern} if pattern else {})


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds."""

    whole: bool = False
    least: float | None = None
    most: float | None = None

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, or a number out of bounds."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            context.wrong_type(place, "a whole number" if self.whole else "a number", value)
        elif (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            bounds = f"{self.least} or more" if self.most is None else f"from {self.least} to {self.most}"
            context.report.add("MV112", place, f"{place.path.rpartition('.')[2]} is {value} and must be {bounds}")

    def schema(self, edge: bool) -> dict[str, Any]:
        bounds = {"minimum": self.least, "maximum": self.most}
        kind = "integer" if self.whole else "number"
        return {"type": kind} | {key: value for key, value in bounds.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type."""
        if not isinstance(value, bool):
            context.wrong_type(place, "true or false", value)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts."""

    values: Sequence[str]

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, or another text."""
        if not isinstance(value, str):
            context.wrong_type(place, "one of " + ", ".join(self.values), value)
        elif value not in self.values:
            hint = nearest(value, self.values).removeprefix("; ")
            context.report.add("MV104", place, f"unknown {place.path.rpartition('.')[2]} {value!r}", hint)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration such as `10s`."""

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports what is no duration."""
        try:
            duration(value)
        except InvalidError:
            shown = repr(value) if isinstance(value, str | int | float) else kind_of(value)
            context.report.add(
                "MV109", place, f"{shown} is no duration", "write a number with ms, s, m, h or d, as in 10s"
            )

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"type": "string", "pattern": rf"^\s*{DURATION.pattern}\s*$"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one kind; `filled` ones are not empty."""

    item: Kind
    filled: bool = False

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, an empty list, and what is wrong with each item."""
        if not isinstance(value, list):
            context.wrong_type(place, "a list", value)
            return
        if self.filled and not value:
            context.report.add("MV110", place, f"{place.path.rpartition('.')[2]} is empty")
        for i, each in enumerate(value):
            self.item.check(each, inside(place, value, i), context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(edge)} | ({"minItems": 1} if self.filled else {})


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """One of a kind, or a list of it."""

    item: Kind

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Checks each."""
        if isinstance(value, list):
            ListOf(self.item).check(value, place, context)
        else:
            self.item.check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"anyOf": [self.item.schema(edge), ListOf(self.item).schema(edge)]}


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with keys of the author's, and values of one kind."""

    value: Kind

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, and what is wrong with each value."""
        if not isinstance(value, Map):
            context.wrong_type(place, "a map", value)
            return
        for key in value:
            self.value.check(value[key], inside(place, value, key), context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.value.schema(edge)}


@dataclass(frozen=True, slots=True)
class ListOrMap:
    """Either a list or a map, each with its own kind."""

    as_list: Kind
    as_map: Kind

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Checks whichever it is."""
        if isinstance(value, list):
            self.as_list.check(value, place, context)
        elif isinstance(value, Map):
            self.as_map.check(value, place, context)
        else:
            context.wrong_type(place, "a list or a map", value)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"anyOf": [self.as_list.schema(edge), self.as_map.schema(edge)]}


@dataclass(frozen=True, slots=True)
class Field:
    """A key of an object: the kind of its value, whether it must be there, whether it is the edge dialect's."""

    kind: Kind
    required: bool = False
    edge: bool = False


@dataclass(frozen=True, slots=True)
class Object:
    """A map whose keys are the language's.

    Attributes:
        name: What messages call it.
        fields: Every key that it may have.
        by: A key whose value brings more: `cases` gives the fields for each of its values. Keys of the other cases are
            unknown in the edge dialect, and let be in a plain document.
    """

    name: str
    fields: dict[str, Field]
    by: str = ""
    cases: dict[str, dict[str, Field]] | None = None

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, unknown and missing keys, and what is wrong with each value."""
        if not isinstance(value, Map):
            context.wrong_type(place, f"a map that describes a {self.name}", value)
            return
        fields = self.fields
        chosen = value.get(self.by) if self.by else None
        if self.cases is not None and isinstance(chosen, str):
            fields = {**fields, **self.cases.get(chosen, {})}
        # Of a step whose action is not known, it is not known either which keys it may have.
        closed = self.cases is None or (isinstance(chosen, str) and chosen in self.cases)
        for key in value:
            if (field := fields.get(key)) is None:
                if closed:
                    self._unknown(value, key, fields, place, context)
            elif field.edge and not context.edge:
                context.report.add(
                    "MV111", at_key(place, value, key), f"{key!r} belongs to the edge dialect", "add dialect: edge/1"
                )
            else:
                field.kind.check(value[key], inside(place, value, key), context)
        for key, field in fields.items():
            if field.required and key not in value:
                hint = f"a {self.name} needs " + ", ".join(k for k, f in fields.items() if f.required)
                context.report.add("MV101", inside(place, value, key), f"the {self.name} has no {key!r}", hint)

    def schema(self, edge: bool) -> dict[str, Any]:
        fields = {key: field for key, field in self.fields.items() if edge or not field.edge}
        made: dict[str, Any] = {
            "type": "object",
            "properties": {key: field.kind.schema(edge) for key, field in fields.items()},
            "required": [key for key, field in fields.items() if field.required],
        }
        if self.cases is None:
            return made | ({"additionalProperties": False} if edge else {})
        cases = [Object(self.name, {**self.fields, **more}).schema(edge) for more in self.cases.values()]
        for value, case in zip(self.cases, cases, strict=True):
            case["properties"][self.by] = {"const": value}
        # By `if` rather than `anyOf`, so that an editor complains of the case that is meant
        return made | {
            "allOf": [
                {"if": {"properties": {self.by: {"const": value}}}, "then": case}
                for value, case in zip(self.cases, cases, strict=True)
            ]
        }

    def _unknown(self, value: Map, key: str, fields: dict[str, Field], place: Place, context: Context) -> None:
        hint = nearest(key, fields).removeprefix("; ")
        where = at_key(place, value, key)
        if context.edge:
            context.report.add("MV103", where, f"unknown key {key!r} in a {self.name}", hint)
        elif hint.startswith("did you mean"):
            context.report.add("MV114", where, f"unknown key {key!r} in a {self.name}", hint)

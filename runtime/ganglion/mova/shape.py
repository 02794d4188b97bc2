# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what a value must look like, and compares: the kinds of values that `vocabulary` makes its tables of."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ganglion.errors import InvalidError
from ganglion.mova.diagnostic import Place
from ganglion.mova.source import Map, Report, at_key, inside
from ganglion.mova.values import kind_of
from ganglion.settings import closest, hint
from ganglion.units import DURATION, duration
from ganglion.words import _

IDENTIFIER = re.compile(r"[a-zA-Z0-9_]+")
_DOTTED = re.compile(r"[a-zA-Z0-9_.]+")


@dataclass(frozen=True, slots=True)
class Context:
    """What the kinds need to know of the document: where to report, and whether it asks for the edge dialect."""

    report: Report
    edge: bool

    def wrong_type(self, place: Place, sentence: str, value: Any, hint: str = "", **values: str) -> None:
        """Reports a value of another type: `name` must be something, and this is what was `found`."""
        found = kind_of(value)
        if isinstance(value, bool):
            found = json.dumps(value)
            if (word := self.report.word(place.offset)) not in ("", found):
                found = _("{word}, which YAML reads as {value}").format(word=word, value=found)
        elif isinstance(value, str | int | float) and len(repr(value)) < 60:
            found += f" {value!r}"
        message = sentence.format(name=_last(place) or _("the document"), found=found, **values)
        self.report.add("MV102", place, message, hint)

    def in_quotes(self, value: Any, place: Place) -> str:
        """What to do with a word that is true or false where text is meant; empty for another value."""
        word = self.report.word(place.offset) if isinstance(value, bool) else ""
        return _('write "{word}" in quotes').format(word=word) if word else ""


def _last(place: Place) -> str:
    """The last part of a path, as messages call a value."""
    return place.path.rpartition(".")[2]


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
    """Text. An `identifier` matches `^[a-zA-Z0-9_]+$`, and with `dots` has dots too; `filled` text is not empty."""

    identifier: bool = False
    dots: bool = False
    filled: bool = False

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, an empty text, a character that an identifier may not have."""
        if not isinstance(value, str):
            remedy = context.in_quotes(value, place)
            context.wrong_type(place, _("{name} must be text, and this is {found}"), value, remedy)
        elif (self.filled or self.identifier) and not value.strip():
            context.report.add("MV110", place, _("{name} is empty").format(name=_last(place)))
        elif self.identifier and not self._pattern.fullmatch(value):
            sentence = _("{value!r} may have letters of A to Z, digits and _ only, in a document with classes")
            context.report.add("MV105", place, sentence.format(value=value))

    def schema(self, edge: bool) -> dict[str, Any]:
        pattern = f"^{self._pattern.pattern}$" if self.identifier else r"\S" if self.filled else None
        return {"type": "string"} | ({"pattern": pattern} if pattern else {})

    @property
    def _pattern(self) -> re.Pattern[str]:
        return _DOTTED if self.dots else IDENTIFIER


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds."""

    whole: bool = False
    least: float | None = None
    most: float | None = None

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, or a number out of bounds."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            whole = _("{name} must be a whole number, and this is {found}")
            sentence = whole if self.whole else _("{name} must be a number, and this is {found}")
            context.wrong_type(place, sentence, value)
        elif (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            if self.most is None:
                sentence = _("{name} is {value} and must be {least} or more")
            else:
                sentence = _("{name} is {value} and must be from {least} to {most}")
            message = sentence.format(name=_last(place), value=value, least=self.least, most=self.most)
            context.report.add("MV112", place, message)

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
            context.wrong_type(place, _("{name} must be true or false, and this is {found}"), value)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts."""

    values: Sequence[str]

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, or another text."""
        if not isinstance(value, str):
            sentence = _("{name} must be one of {values}, and this is {found}")
            context.wrong_type(place, sentence, value, values=", ".join(self.values))
        elif value not in self.values:
            message = _("unknown {name} {value!r}").format(name=_last(place), value=value)
            context.report.add("MV104", place, message, hint(value, self.values))

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration such as `10s`; `most` is the longest."""

    most: str | None = None

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports what is no duration, or a longer one."""
        try:
            length = duration(value)
        except InvalidError:
            shown = repr(value) if isinstance(value, str | int | float) else kind_of(value)
            message = _("{value} is no duration").format(value=shown)
            context.report.add("MV109", place, message, _("write a number with ms, s, m, h or d, as in 10s"))
            return
        if self.most is not None and length > duration(self.most):
            sentence = _("{name} is {value} and must be {most} or less")
            context.report.add("MV112", place, sentence.format(name=_last(place), value=value, most=self.most))

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
            context.wrong_type(place, _("{name} must be a list, and this is {found}"), value)
            return
        if self.filled and not value:
            context.report.add("MV110", place, _("{name} is empty").format(name=_last(place)))
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
            context.wrong_type(place, _("{name} must be a map, and this is {found}"), value)
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
            context.wrong_type(place, _("{name} must be a list or a map, and this is {found}"), value)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"anyOf": [self.as_list.schema(edge), self.as_map.schema(edge)]}


@dataclass(frozen=True, slots=True)
class TextOrMap:
    """A text, or a map that says more."""

    as_text: Kind
    as_map: Kind

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Checks whichever it is."""
        (self.as_map if isinstance(value, Map) else self.as_text).check(value, place, context)

    def schema(self, edge: bool) -> dict[str, Any]:
        return {"anyOf": [self.as_text.schema(edge), self.as_map.schema(edge)]}


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
        open: Whether it may have keys of the author's beside, in the edge dialect too.
    """

    name: str
    fields: dict[str, Field]
    by: str = ""
    cases: dict[str, dict[str, Field]] | None = None
    open: bool = False

    def check(self, value: Any, place: Place, context: Context) -> None:
        """Reports another type, unknown and missing keys, and what is wrong with each value."""
        if not isinstance(value, Map):
            sentence = _("{name} must be a map that describes a {what}, and this is {found}")
            context.wrong_type(place, sentence, value, what=_(self.name))
            return
        fields = self.fields
        chosen = value.get(self.by) if self.by else None
        if self.cases is not None and isinstance(chosen, str):
            fields = {**fields, **self.cases.get(chosen, {})}
        # Of a step whose action is not known, it is not known either which keys it may have.
        closed = not self.open and (self.cases is None or (isinstance(chosen, str) and chosen in self.cases))
        for key in value:
            if (field := fields.get(key)) is None:
                if closed:
                    self._unknown(value, key, fields, place, context)
            elif field.edge and not context.edge:
                message = _("{key!r} belongs to the edge dialect").format(key=key)
                context.report.add("MV111", at_key(place, value, key), message, _("add dialect: edge/1"))
            else:
                field.kind.check(value[key], inside(place, value, key), context)
        for key, field in fields.items():
            if field.required and key not in value:
                message = _("the {what} has no {key!r}").format(what=_(self.name), key=key)
                needed = ", ".join(k for k, f in fields.items() if f.required)
                remedy = _("the {what} needs {keys}").format(what=_(self.name), keys=needed)
                context.report.add("MV101", inside(place, value, key), message, remedy)

    def schema(self, edge: bool) -> dict[str, Any]:
        from ganglion.mova.keys import KEYS  # which only editors need

        fields = {key: field for key, field in self.fields.items() if edge or not field.edge}
        said = KEYS[self.name]
        made: dict[str, Any] = {
            "type": "object",
            "properties": {key: field.kind.schema(edge) | {"description": said[key]} for key, field in fields.items()},
            "required": [key for key, field in fields.items() if field.required],
        }
        if self.cases is None:
            return made | ({"additionalProperties": False} if edge and not self.open else {})
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
        message = _("unknown key {key!r} in the {what}").format(key=key, what=_(self.name))
        if context.edge or closest(key, fields) is not None:
            code = "MV103" if context.edge else "MV114"
            context.report.add(code, at_key(place, value, key), message, hint(key, fields))

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a JSON Schema says is right at a place, in words with an example, and what is wrong with a document. Pure.

A validator says what its own rule is called, which nobody who types a command can act on. Its errors are only taken for
where they are.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

from ganglion.printable import printable
from ganglion.sentences import joined, said, say
from ganglion.settings import closest, nearest

Schema = Mapping[str, Any]
Place = tuple[int | str, ...]

#: Letters of a wrong value that are shown.
_SHOWN = 40
#: Fields whose value is never shown.
_SECRET = frozenset({"password", "new", "old", "secret", "refresh_token", "token"})


class Form(NamedTuple):
    """What a pattern means.

    Attributes:
        words: What a text of this form is; of one that is not `whole`, what its letters are.
        example: One.
        whole: The words say how long it may be.
    """

    words: str
    example: str
    whole: bool = True


class Expected:
    """What is right in a document.

    Args:
        schema: Its JSON Schema, with `$defs`.
        forms: Of each pattern in it.
    """

    def __init__(self, schema: Schema, forms: Mapping[str, Form] | None = None) -> None:
        self._schema = schema
        self._forms = forms or {}

    def wrong(self, errors: Iterable[Mapping[str, Any]]) -> list[tuple[Place, str]]:
        """The places that are wrong, each once, with a sentence about it that does not name it.

        Args:
            errors: Those of pydantic; of each `type`, `loc` and `input`.
        """
        errors, found = list(errors), dict[Place, str]()
        unknown = [tuple(each["loc"]) for each in errors if each["type"] == "extra_forbidden"]
        for each in errors:
            place: Place = tuple(each["loc"])
            if each["type"] == "missing" and self._is_meant(place, unknown):
                continue  # the field that is not known stands for it, and says so
            place, here = self._walk(place)
            if place not in found:
                found[place] = self._sentence(place, here, each)
        return list(found.items())

    def _sentence(self, place: Place, here: Schema, error: Mapping[str, Any]) -> str:
        match error["type"]:
            case "extra_forbidden":
                near = nearest(str(place[-1]), self._beside(place))
                return say("there is no such field{near}", near=near)
            case "missing":
                return say("this is required: {right}", right=self._right(here))
        is_secret = bool(_SECRET & {str(part) for part in place})
        value = error.get("input")
        given = say("this") if is_secret else shown(value)
        return say("{given} is not {right}", given=given, right=self._right(here, value))

    def _beside(self, place: Place) -> Mapping[str, Any]:
        """The fields of what has the last part of a place."""
        fields: Mapping[str, Any] = self._walk(place[:-1])[1].get("properties", {})
        return fields

    def _is_meant(self, place: Place, unknown: Iterable[Place]) -> bool:
        """Whether one of the unknown fields beside a field that is missing is most like it."""
        here = [each for each in unknown if place and each[:-1] == place[:-1]]
        return any(closest(str(each[-1]), self._beside(place)) == place[-1] for each in here)

    def _walk(self, place: Sequence[int | str]) -> tuple[Place, Schema]:
        """How far a place leads, and what is there: behind it pydantic names the branches of a union."""
        here, walked = self._resolved(self._schema), 0
        for part in place:
            if isinstance(part, int) and "items" in here:
                here = self._resolved(here["items"])
            elif isinstance(part, str) and part in here.get("properties", {}):
                here = self._resolved(here["properties"][part])
            elif isinstance(part, str) and "anyOf" not in here and here.get("type") in (None, "object"):
                here = {}  # a field that is not known, or one of a map
            else:
                break
            walked += 1
        return tuple(place[:walked]), here

    def _resolved(self, here: Schema) -> Schema:
        """The same without `$ref`, and without the null that may stand for it."""
        while True:
            if "$ref" in here:
                here = self._schema.get("$defs", {}).get(here["$ref"].rpartition("/")[2], {})
            elif len(left := _kinds(here)) == 1:
                here = {**{key: value for key, value in here.items() if key != "anyOf"}, **left[0]}
            else:
                return here

    def _right(self, here: Schema, value: Any = None) -> str:
        """What is right there, with an example or what it is for; the nearest right word where it is one of some."""
        here = self._resolved(here)
        if words := here.get("enum"):
            near = closest(value, words) if isinstance(value, str) else None
            one = say("one of {words}", words=", ".join(words))
            return joined("; ", [one, say('did you mean "{name}"?', name=near)]) if near else one
        kind, example = self._kind(here), self._example(here)
        if example not in (None, "", [], {}):
            return say("{kind}, as in {example}", kind=kind, example=shown(example))
        return joined(": ", [kind, said(here["description"])]) if here.get("description") else kind

    def _kind(self, here: Schema) -> str:
        here = self._resolved(here)
        if "anyOf" in here:
            return reduce(_or, (self._kind(each) for each in _kinds(here)))
        if "const" in here:
            return repr(here["const"])
        match here.get("type"):
            case "string":
                return self._text(here)
            case "integer":
                return _number(say("a whole number"), here)
            case "number":
                return _number(say("a number"), here)
            case "boolean":
                return say("true or false")
            case "array":
                return _entries(here.get("minItems"), here.get("maxItems"))
            case "object":
                return say("an object of JSON")
        return say("any value of JSON")

    def _text(self, here: Schema) -> str:
        form = self._forms.get(here.get("pattern", ""))
        if form is not None and form.whole:
            return form.words
        letters = _letters(here.get("minLength"), here.get("maxLength"))
        return joined(", ", [letters, form.words]) if form else letters

    def _example(self, here: Schema) -> Any:
        """A right value: the default of the field, that of its form, or the first of several kinds that has one."""
        here = self._resolved(here)
        if (default := here.get("default")) not in (None, "", [], {}):
            return default
        if "anyOf" in here:
            found = (self._example(each) for each in _kinds(here))
            return next((each for each in found if each is not None), None)
        match here.get("type"):
            case "string":
                form = self._forms.get(here.get("pattern", ""))
                return form.example if form else None
            case "integer" | "number":
                return here.get("minimum", here.get("maximum"))
            case "array":
                each = self._example(here.get("items", {}))
                return None if each is None else [each]
        return None


def named(place: Place) -> str:
    """A place as people write it: `files[0].path`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def shown(value: Any) -> str:
    """A value as it was sent, as far as it is short."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return say("this")
    cut = printable(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
    return f"'{cut}'" if isinstance(value, str) else cut


def _kinds(here: Schema) -> list[Schema]:
    """The kinds that a value may be of; null stands for one that is left out."""
    return [each for each in here.get("anyOf", []) if each.get("type") != "null"]


def _or(one: str, other: str) -> str:
    return say("{one}, or {other}", one=one, other=other)


def _letters(least: int | None, most: int | None) -> str:
    if least and most is not None:
        return say("a text of {least} to {most} letters", least=least, most=most)
    if least:
        return (
            say("a text of at least 1 letter") if least == 1 else say("a text of at least {least} letters", least=least)
        )
    if most is not None:
        return say("a text of at most {most} letters", most=most)
    return say("a text of any number of letters")


def _entries(least: int | None, most: int | None) -> str:
    if least and most is not None:
        return say("a list of {least} to {most} entries", least=least, most=most)
    if least:
        return (
            say("a list of at least 1 entry") if least == 1 else say("a list of at least {least} entries", least=least)
        )
    if most is not None:
        return say("a list of at most {most} entries", most=most)
    return say("a list of any number of entries")


def _number(what: str, here: Schema) -> str:
    least, above = here.get("minimum"), here.get("exclusiveMinimum")
    most, below = here.get("maximum"), here.get("exclusiveMaximum")
    if least is not None and most is not None:
        return say("{what} from {least} to {most}", what=what, least=least, most=most)
    bounds: list[str] = []
    if least is not None:
        bounds.append(say("{least} or more", least=least))
    elif above is not None:
        bounds.append(say("above {above:g}", above=above))
    if most is not None:
        bounds.append(say("{most} at most", most=most))
    elif below is not None:
        bounds.append(say("below {below:g}", below=below))
    return joined(", ", [what, *bounds])

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a text names: quantities with their units, numbers, durations, times, and things of the document."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ganglion.intent.durations import duration
from ganglion.intent.moments import moment
from ganglion.intent.number import number
from ganglion.intent.phrases import Phrases
from ganglion.intent.units import unit
from ganglion.intent.words import places, plain, words

#: What an entity may be, beside the groups of patterns.
KINDS = ("quantity", "number", "duration", "time", "date", "sensor", "actuator", "tool", "user")

#: Where something may begin: a word, or a number with its sign.
_START = re.compile(r"(?<!\w)-(?=\d)|(?<![^\W_])(?<!\d[.,])(?=[^\W_])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something that a text names.

    Attributes:
        kind: One of `KINDS`, or the name of a pattern's group.
        value: A number; seconds; ISO 8601; what a `Name` says; the text of a group.
        unit: UCUM code of a quantity, `s` of a duration.
        text: As it stands in the text.
        start, end: Where, in characters of the plain text (`ganglion.intent.words.plain`); the end is behind the last.
    """

    kind: str
    value: Any
    unit: str | None = None
    text: str
    start: int
    end: int

    def data(self) -> dict[str, Any]:
        """As JSON; a unit only where there is one."""
        data = {"kind": self.kind, "value": self.value, "text": self.text, "start": self.start, "end": self.end}
        return data if self.unit is None else {**data, "unit": self.unit}


@dataclass(frozen=True, slots=True)
class Name:
    """A thing of the document: of a kind such as `sensor`, what it is called in the document, and by people."""

    kind: str
    value: str
    said: str


class Names:
    """The names of a document, to be found in texts as the words that they are made of: `fridge.temperature`, said
    "fridge temperature"."""

    def __init__(self, names: Iterable[Name]) -> None:
        spoken = ((words(plain(name.said).lower()), name) for name in names)
        self._phrases = Phrases((phrase, name) for phrase, name in spoken if phrase)

    def find(self, text: str) -> list[Entity]:
        """Those in a plain text; of names within one another the longest."""
        spoken = words(text.lower())
        if not self._phrases.any(spoken):
            return []
        at = places(text)
        found = {(at[first][0], at[last][1], name) for first, last, name in self._phrases.find(spoken)}
        return [
            Entity(kind=name.kind, value=name.value, text=text[start:end], start=start, end=end)
            for start, end, name in sorted(found, key=lambda each: (each[0], each[1], each[2].kind, each[2].value))
            if not any(a <= start and end <= b and (a, b) != (start, end) for a, b, _ in found)
        ]


def measures(text: str, now: datetime) -> list[Entity]:
    """Times, dates, durations, quantities and numbers of a plain text; none of them is within another.

    Args:
        now: When it is said, with its zone.
    """
    lowered = text.lower()
    found: list[Entity] = []
    end = 0
    for match in _START.finditer(lowered):
        start = match.start()
        if start >= end and (entity := _measure(text, lowered, start, now)):
            found.append(entity)
            end = entity.end
    return found


def _measure(text: str, lowered: str, start: int, now: datetime) -> Entity | None:
    def entity(kind: str, value: Any, end: int, unit: str | None = None) -> Entity:
        return Entity(kind=kind, value=value, unit=unit, text=text[start:end], start=start, end=end)

    if said := moment(lowered, start, now):
        return entity(said[0], said[1], said[2])
    if lasting := duration(lowered, start):
        return entity("duration", lasting[0], lasting[1], "s")
    if not (counted := number(lowered, start)):
        return None
    value, end = counted
    if of := unit(text, end):
        return entity("quantity", value, of[1], of[0])
    return None if lowered[end : end + 1].isalnum() else entity("number", value, end)

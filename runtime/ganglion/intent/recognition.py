# SPDX-License-Identifier: GPL-3.0-or-later
"""Which intent a text has, who said so and how sure that is, and what the text names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ganglion.intent.entities import Entity, Name, Names, measures
from ganglion.intent.patterns import Intent, Match, Patterns
from ganglion.intent.words import plain
from ganglion_micro.template import render


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What was recognised in a text.

    Attributes:
        text: The plain text that the places of entities are of.
        intent: Its name; None where it is none of the document's.
        by: Who said so: `patterns`, `classifier` or `model`; None where nobody did.
        confidence: How sure that is, 0 to 1; of patterns it is 1.
        entities: What the text names, in its order.
        slots: By kind the value of the first of them; a named group goes before what else is of its kind.
        response: The intent's `response_template`, filled; None where it has none.
        notes: Why somebody that should have been asked was not, each a sentence.
    """

    text: str
    intent: str | None = None
    by: str | None = None
    confidence: float = 0.0
    entities: tuple[Entity, ...] = ()
    slots: Mapping[str, Any] = field(default_factory=dict)
    response: str | None = None
    notes: tuple[str, ...] = ()

    def event(self) -> dict[str, Any]:
        """As the value of the event that triggers of the intent see."""
        return {
            "text": self.text,
            "intent": self.intent,
            "by": self.by,
            "confidence": round(self.confidence, 3),
            "entities": [each.data() for each in self.entities],
            "slots": dict(self.slots),
        }

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.event(), "response": self.response, "notes": list(self.notes)}


class Intents:
    """The intents of a document, and the names in it.

    `ganglion.mova.intents.of` makes them from a document.

    Args:
        intents: In the order of the document.
        names: What else people may name.

    Raises:
        PatternError: a pattern cannot be used.
    """

    def __init__(self, intents: Iterable[Intent], names: Iterable[Name] = ()) -> None:
        self.by_name = {intent.name: intent for intent in intents}
        self.patterns = Patterns(self.by_name.values())
        self._names = Names(names)

    def recognise(self, text: str, *, now: datetime, data: Mapping[str, Any] | None = None) -> Recognition:
        """What the patterns say; never raises for what a text holds.

        Args:
            now: When it is said, with the zone of who says it: times are relative to it.
            data: Values for the response beside the entities, by name.
        """
        text = plain(text)
        match = self.patterns.find(text)
        if match is None:
            entities, slots = self._entities(text, now, None)
            return Recognition(text=text, entities=entities, slots=slots)
        return self.named(match.intent.name, "patterns", 1.0, text, now=now, data=data, match=match)

    def named(
        self,
        name: str,
        by: str,
        confidence: float,
        text: str,
        *,
        now: datetime,
        data: Mapping[str, Any] | None = None,
        match: Match | None = None,
    ) -> Recognition:
        """The recognition of an intent that somebody has named.

        Raises:
            KeyError: the document has no such intent.
        """
        text = plain(text)
        entities, slots = self._entities(text, now, match)
        return Recognition(
            text=text,
            intent=name,
            by=by,
            confidence=confidence,
            entities=entities,
            slots=slots,
            response=_response(self.by_name[name], slots, data or {}),
        )

    def _entities(self, text: str, now: datetime, match: Match | None) -> tuple[tuple[Entity, ...], dict[str, Any]]:
        found = measures(text, now)
        groups = []
        for name, (start, end) in (match.groups if match else {}).items():
            same = next((each for each in found if (each.start, each.end) == (start, end)), None)
            value, unit = (same.value, same.unit) if same else (text[start:end], None)
            groups.append(Entity(kind=name, value=value, unit=unit, text=text[start:end], start=start, end=end))
        every = [*groups, *found, *self._names.find(text)]
        slots: dict[str, Any] = {}
        for each in every:
            slots.setdefault(each.kind, each.value)
        return tuple(sorted(every, key=lambda each: (each.start, each.end))), slots


def _response(intent: Intent, slots: Mapping[str, Any], data: Mapping[str, Any]) -> str | None:
    if intent.response is None:
        return None
    # A placeholder that nothing fills stays as it is written.
    return str(render(intent.response, {**slots, "intent": intent.name}, dict(data), []))

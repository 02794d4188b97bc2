# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document reads of the session, the event and the profile, and whether anything in it sets that."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from ganglion.intent.entities import KINDS
from ganglion.intent.patterns import groups
from ganglion.mova.diagnostic import Place
from ganglion.mova.expression import parse, paths
from ganglion.mova.load import Document
from ganglion.mova.model import Conditions, Model, Step, conditions, walk
from ganglion.mova.source import Map, Report, Seq, inside
from ganglion.mova.template import path, placeholders
from ganglion.words import _

#: What every run knows of what started it.
EVENT = ("id", "source", "topic", "value", "payload", "timestamp", "retained")
#: What `ganglion mova run --input` sets.
_GIVEN = {"user_input"}
#: How alike two names are, of 1, where one is likely the other misspelt.
_CLOSE = 0.8
#: Keys under which there are no placeholders: names, patterns, and what another reader of a step looks into.
_OTHER = frozenset(
    [
        *("id", "name", "description", "patterns", "schema", "values", "conditions", "until", "branches"),
        *("response_mapping", "save"),
    ]
)


def variables(document: Document, of: Model, report: Report) -> None:
    """Adds each variable of a valid document that is read and that nothing in it sets, where it is first read.

    In the edge dialect that is a mistake; elsewhere whoever runs the document may give the value.
    """
    known = _set(of)
    told: set[str] = set()
    reads = [*((each, False) for each in _reads(document, of)), *((each, True) for each in _asked(of))]
    for (place, parts, text), is_asked in reads:
        kind, name, names = _looked_up(parts, known, of)
        if name in names or text in told:
            continue
        close = get_close_matches(name, names - _GIVEN, 1, cutoff=_CLOSE)
        if is_asked and not close:
            continue
        told.add(text)
        report.add(
            "MV406" if document.edge or kind or close else "MV407",
            place,
            _("nothing in the document sets {text!r}").format(text=text),
            _("did you mean {name!r}?").format(name=close[0])
            if close
            else _("give it with --set, in the data of a session, or by a step before"),
        )


def _looked_up(parts: list[str], known: set[str], of: Model) -> tuple[str, str, set[str]]:
    """What has fixed names (`event` or `profile`; else empty), the name that is looked up, and the names there are."""
    match parts:
        case ["event", name, *_rest]:
            return "event", name, set(EVENT)
        case ["profile", name, *_rest] if of.profile:
            return "profile", name, set(of.profile)
        case ["profile", name, *_rest]:
            return "", name, set()
        case ["session", "data", name, *_rest]:
            return "", name, known
        case ["session", name, *_rest]:
            return "session", name, {"session_id", "data"}
        case ["secret", name]:  # the operator gives it
            return "", name, {name}
        case [("event" | "session" | "profile") as root]:
            return "", root, {root}
    return "", parts[0], known


def _set(of: Model) -> set[str]:
    """The first names of all that the document puts into the session."""
    targets = list(of.data)
    for protocol in of.protocols:
        for step in walk(protocol.steps):
            targets += [step.raw["save"]] if isinstance(step.raw.get("save"), str) else []
            targets += step.raw["values"] if step.action == "set" else []
    for tool in of.tools:
        targets += tool.raw.get("response_mapping") or {}
    for trigger in of.triggers:
        targets += trigger.raw.get("map") or {}
    return {_name(path(target)) for target in targets if path(target)} | _GIVEN


def _name(parts: list[str]) -> str:
    return parts[2] if parts[:2] == ["session", "data"] and len(parts) > 2 else parts[0]


def _reads(document: Document, of: Model) -> Iterator[tuple[Place, list[str], str]]:
    """Place, parts and text of every path that a run looks up."""
    root = document.root
    assert root is not None  # it was checked
    offered = _offered(of)
    for protocol in of.protocols:
        key = protocol.policies.get("idempotency_key")
        yield from _filled(key, inside(protocol.place, protocol.raw, "policies"))
        for step in walk(protocol.steps):
            yield from _step(step)
    for tool in of.tools:
        for place, parts, text in _filled(tool.raw, tool.place):
            if tool.id not in offered or len(parts) > 1:
                yield place, parts, text
    whole = Place("", root.offset)
    for place, raw in of.parts["intent"]:
        own = {"intent", *KINDS, *(name for pattern in raw["patterns"] for name in groups(pattern))}
        for at, parts, text in _filled(raw.get("response_template"), inside(place, raw, "response_template")):
            if parts[0] not in own:  # the text gives it
                yield at, parts, text
    yield from _filled(of.presets, inside(whole, root, "presets"))


def _asked(of: Model) -> Iterator[tuple[Place, list[str], str]]:
    """Single names in tools that a model is offered. It gives them, as it does the parameters that are declared."""
    offered = _offered(of)
    for tool in of.tools:
        if tool.id in offered:
            own = tool.raw.get("parameters") or {}
            yield from (each for each in _filled(tool.raw, tool.place) if len(each[1]) == 1 and each[1][0] not in own)


def _offered(of: Model) -> set[str]:
    steps = (step for protocol in of.protocols for step in walk(protocol.steps))
    return {name for step in steps for name in step.raw.get("tools") or ()}


def _step(step: Step) -> Iterator[tuple[Place, list[str], str]]:
    yield from _filled(step.raw, step.place)
    if step.action == "set":
        at = inside(step.place, step.raw, "values")
        for key, value in step.raw["values"].items():
            if isinstance(value, str):
                yield from _expression(value, inside(at, step.raw["values"], key))
    for each in (
        step.conditions,
        conditions(inside(step.place, step.raw, "until"), step.raw.get("until")),
    ):
        if each is not None:
            yield from _conditions(each)


def _conditions(of: Conditions) -> Iterator[tuple[Place, list[str], str]]:
    for rule in of.rules:
        if rule.operator not in ("exists", "not_exists"):  # they ask whether somebody has set it
            yield from _expression(rule.variable, inside(rule.place, rule.raw, "variable"))
        yield from _filled(rule.value, inside(rule.place, rule.raw, "value"))
        if rule.nested is not None:
            yield from _conditions(rule.nested)


def _expression(text: str, place: Place) -> Iterator[tuple[Place, list[str], str]]:
    for parts in paths(parse(text)):
        yield place, [str(part) for part in parts], ".".join(str(part) for part in parts)


def _filled(value: Any, place: Place) -> Iterator[tuple[Place, list[str], str]]:
    """The placeholders in a value, at any depth."""
    if isinstance(value, str):
        for text in placeholders(value):
            yield place, path(text), text
    elif isinstance(value, Map):
        for key, each in value.items():
            if key not in _OTHER:
                yield from _filled(each, inside(place, value, key))
    elif isinstance(value, Seq):
        for i, each in enumerate(value):
            yield from _filled(each, inside(place, value, i))

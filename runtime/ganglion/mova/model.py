# SPDX-License-Identifier: GPL-3.0-or-later
"""One model of a document, whichever form it has. A part that is of the wrong type is left out: `shape` reports it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.forms import PARTS
from ganglion.mova.load import Document
from ganglion.mova.source import Map, Seq, inside

#: How often a failed step is tried again where the document does not say.
RETRIES = 3
#: Seconds that a session is kept where the document does not say.
TTL = 3600


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of something else in the document, and where it stands."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One comparison, and the conditions nested in it."""

    place: Place
    raw: Map
    variable: str
    operator: str
    value: Any
    next: Reference | None
    nested: "Conditions | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Rules joined by `logic`, which is empty for the flat list: an AND, or by turns where one names a step."""

    logic: str
    rules: list[Rule]
    default: Reference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `raw` has the keys of its action; each of `branches` is the name of a protocol, or steps."""

    place: Place
    raw: Map
    id: str
    action: str
    next: Reference | None
    conditions: Conditions | None
    branches: "list[Reference | list[Step]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One protocol. `retries` is None where the document does not say."""

    place: Place
    raw: Map
    name: str
    steps: list[Step]
    fallback: Reference | None
    retries: int | None
    policies: Map


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One HTTP call."""

    place: Place
    raw: Map
    id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What starts a protocol."""

    place: Place
    raw: Map
    id: str
    run: Reference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A whole document.

    Attributes:
        root: The map that it was made of.
        data: The session that a run begins with, and `ttl` how many seconds it is kept after one.
        sensors, actuators: What `requires` lists; None where it lists none.
        contracts: Those that have a schema or credentials to enforce.
        parts: The objects of each kind of `ganglion.mova.forms.PARTS`, as they are written.
    """

    root: Map
    name: str
    protocols: list[Protocol]
    tools: list[Tool]
    triggers: list[Trigger]
    presets: Map
    data: dict[str, Any]
    ttl: int
    profile: dict[str, Any]
    sensors: list[str] | None
    actuators: list[str] | None
    contracts: list[tuple[Place, Map]]
    named: list[tuple[str, str, list[Reference]]]
    parts: dict[str, list[tuple[Place, Map]]]


def model(document: Document) -> Model:
    """The model of a document that has a form."""
    root = document.root
    assert root is not None  # the caller has checked the document
    classes = document.form == "classes"
    parts: dict[str, list[tuple[Place, Map]]] = {}
    named: list[tuple[str, str, list[Reference]]] = []
    for part in PARTS:
        parts[part.what] = list(_maps(root, "classes", part.one) if classes else _maps(root, part.flat))
        key = part.class_name if classes else part.name
        named.append((part.what, key, _names(parts[part.what], key)))
    triggers = list(_maps(root, "triggers"))
    named.append(("trigger", "id", _names(triggers, "id")))
    requires = root.get("requires")
    session = parts["session"][0][1] if parts["session"] else {}
    return Model(
        root=root,
        name=_text(root, "name") or _stem(document.file),
        protocols=[_protocol(place, raw) for place, raw in parts["protocol"]],
        tools=[
            Tool(place=place, raw=raw, id=_text(raw, "id"), url=_text(raw, "url" if classes else "endpoint"))
            for place, raw in parts["tool"]
        ],
        triggers=[
            Trigger(place=place, raw=raw, id=_text(raw, "id"), run=_reference(place, raw, "run"))
            for place, raw in triggers
        ],
        presets=_map(root, "presets"),
        data=dict(_map(session, "data")),
        ttl=_whole(session, "ttl") or TTL,
        profile=dict(parts["profile"][0][1]) if parts["profile"] else {},
        sensors=_required(requires, "sensors"),
        actuators=_required(requires, "actuators"),
        contracts=[each for each in parts["contract"] if each[1].get("schema") or each[1].get("auth")],
        named=named,
        parts=parts,
    )


def walk(steps: list[Step]) -> Iterator[Step]:
    """Steps in the order of the text, each before those of the branches in it."""
    for step in steps:
        yield step
        for branch in step.branches:
            if not isinstance(branch, Reference):
                yield from walk(branch)


def _stem(file: str) -> str:
    name = file.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    return name if name and not name.startswith("<") else "script"


def _map(owner: Any, key: str) -> Map:
    value = owner.get(key) if isinstance(owner, dict) else None
    return value if isinstance(value, Map) else Map(0)


def _text(owner: dict[str, Any], key: str) -> str:
    value = owner.get(key)
    return value if isinstance(value, str) else ""


def _whole(owner: dict[str, Any], key: str) -> int | None:
    value = owner.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _required(requires: Any, key: str) -> list[str] | None:
    """What `requires` lists under a key; None where it says nothing of it."""
    if not isinstance(requires, Map):
        return None
    value = requires.get(key)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _maps(root: Map, *keys: str) -> Iterator[tuple[Place, Map]]:
    """The maps under a path of keys: one, or those of a list."""
    place = Place("", root.offset)
    value: Any = root
    for key in keys:
        if not isinstance(value, Map) or key not in value:
            return
        place = inside(place, value, key)
        value = value[key]
    if isinstance(value, Map):
        yield place, value
    elif isinstance(value, Seq):
        for i, each in enumerate(value):
            if isinstance(each, Map):
                yield inside(place, value, i), each


def _names(parts: list[tuple[Place, Map]], key: str) -> list[Reference]:
    return [Reference(_text(raw, key), inside(place, raw, key)) for place, raw in parts if _text(raw, key)]


def _reference(place: Place, raw: Map, *keys: str) -> Reference | None:
    for key in keys:
        if name := _text(raw, key):
            return Reference(name, inside(place, raw, key))
    return None


def _protocol(place: Place, raw: Map) -> Protocol:
    errors = _map(raw, "error_handling")
    return Protocol(
        place=place,
        raw=raw,
        name=_text(raw, "name"),
        steps=_steps(inside(place, raw, "steps"), raw.get("steps")),
        fallback=_reference(inside(place, raw, "error_handling"), errors, "fallback_step_id"),
        retries=_whole(errors, "retry_count"),
        policies=_map(raw, "policies"),
    )


def _steps(place: Place, value: Any) -> list[Step]:
    items = value if isinstance(value, Seq) else ()
    return [_step(inside(place, value, i), each) for i, each in enumerate(items) if isinstance(each, Map)]


def _step(place: Place, raw: Map) -> Step:
    return Step(
        place=place,
        raw=raw,
        id=_text(raw, "id"),
        action=_text(raw, "action"),
        next=_reference(place, raw, "next_step", "next_step_id"),
        conditions=conditions(inside(place, raw, "conditions"), raw.get("conditions")),
        branches=list(_branches(inside(place, raw, "branches"), raw.get("branches"))),
    )


def _branches(place: Place, value: Any) -> "Iterator[Reference | list[Step]]":
    for i, each in enumerate(value if isinstance(value, Seq) else ()):
        at = inside(place, value, i)
        if isinstance(each, str):
            yield Reference(each, at)
        elif isinstance(each, Seq):
            yield _steps(at, each)


def conditions(place: Place, value: Any) -> Conditions | None:
    """Conditions in either spelling: a flat list, or `logic` and `rules`."""
    if isinstance(value, Seq):
        return Conditions(logic="", rules=_rules(place, value), default=None) if value else None
    if not isinstance(value, Map):
        return None
    rules = value.get("rules")
    logic = value.get("logic", "AND")
    return Conditions(
        logic=logic if isinstance(logic, str) else "AND",
        rules=_rules(inside(place, value, "rules"), rules) if isinstance(rules, Seq) else [],
        default=_reference(place, value, "default_next_step_id"),
    )


def _rules(place: Place, value: Seq) -> list[Rule]:
    found = []
    for i, raw in enumerate(value):
        if not isinstance(raw, Map):
            continue
        at = inside(place, value, i)
        found.append(
            Rule(
                place=at,
                raw=raw,
                variable=_text(raw, "variable"),
                operator=_text(raw, "operator"),
                value=raw.get("value"),
                next=_reference(at, raw, "next_step_id"),
                nested=conditions(inside(at, raw, "sub_conditions"), raw.get("sub_conditions")),
            )
        )
    return found

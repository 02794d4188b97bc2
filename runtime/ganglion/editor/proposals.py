# SPDX-License-Identifier: GPL-3.0-or-later
"""What could be written at a place: names, fixed values, sensors, paths of the session."""

from collections.abc import Iterator
from typing import NamedTuple

from ganglion.editor.names import USED
from ganglion.editor.spot import Spot
from ganglion.editor.tree import Collection, Node, Scalar, walk
from ganglion.mova.keys import VALUES
from ganglion.mova.load import DIALECT, VERSIONS
from ganglion.mova.shape import Choice, Flag, Kind, TextOrMap
from ganglion.mova.variables import EVENT
from ganglion.mova.vocabulary import BASE_ACTIONS, EDGE_ACTIONS, Action

#: Keys whose value is an expression, by the object that has them.
EXPRESSIONS = (("condition", "variable"), ("step", "values"))


class Proposal(NamedTuple):
    """One thing that could be written. `word` says that it is no text: it has no quotes in JSON either."""

    text: str
    says: str = ""
    word: bool = False


def values(spot: Spot, names: list[tuple[str, str]], *, edge: bool) -> list[Proposal]:
    """What could be the value at a place."""
    root = spot.way[0][0]
    place = (spot.object(), spot.key)
    if what := USED.get(place):
        if what == "step":
            return [Proposal(name, "a step of this protocol") for name in _steps(spot)]
        return [Proposal(name, f"a {what} of this document") for of, name in names if of == what]
    if place[1] in ("sensor", "actuator"):
        return [Proposal(each, f"a {place[1]} of `requires`") for each in required(root, f"{place[1]}s")]
    if place == ("document", "version"):
        return [Proposal(each) for each in reversed(VERSIONS)]
    if place == ("document", "dialect"):
        return [Proposal(DIALECT)]
    if place in EXPRESSIONS:
        return [Proposal(each) for each in paths(root)]
    return list(_fixed(spot.value_kind(), spot.key, edge))


def _fixed(kind: Kind, key: str, edge: bool) -> Iterator[Proposal]:
    match kind:
        case Action():
            for each in (*BASE_ACTIONS, *(EDGE_ACTIONS if edge else ())):
                yield Proposal(each, VALUES["action"][each])
        case Choice():
            for each in kind.values:
                yield Proposal(each, VALUES.get(key, {}).get(each, ""))
        case TextOrMap():
            yield from _fixed(kind.as_text, key, edge)
        case Flag():
            yield from (Proposal("true", word=True), Proposal("false", word=True))


def required(root: Collection, key: str) -> list[str]:
    """What `requires` lists."""
    requires = root.get("requires")
    listed = requires.value.get(key) if requires is not None and isinstance(requires.value, Collection) else None
    if listed is None or not isinstance(listed.value, Collection):
        return []
    return [each.value.text for each in listed.value.entries if isinstance(each.value, Scalar)]


def _steps(spot: Spot) -> list[str]:
    """The other steps beside the one that a place is in."""
    for owner, entry in reversed(spot.way):
        if not owner.keyed and isinstance(entry.value, Collection) and _text(entry.value, "action"):
            return [name for each in owner.entries if each is not entry and (name := _text(each.value, "id"))]
    steps = next((steps for owner, _ in reversed(spot.way) if (steps := owner.get("steps")) is not None), None)
    if steps is None or not isinstance(steps.value, Collection):
        return []
    return [name for each in steps.value.entries if (name := _text(each.value, "id"))]


def _answer(step: Collection) -> list[str]:
    """The names in the answer that the short form of a prompt's `schema` asks for."""
    schema = step.get("schema")
    if schema is None or not isinstance(schema.value, Collection) or schema.value.get("type") is not None:
        return []
    return [each.name.removesuffix("?") for each in schema.value.entries]


def _text(node: Node, key: str) -> str:
    entry = node.get(key) if isinstance(node, Collection) and node.keyed else None
    return entry.value.text if entry is not None and isinstance(entry.value, Scalar) else ""


def paths(root: Collection) -> list[str]:
    """What expressions and placeholders can name: the event, and what the document puts into session and profile."""
    found = [f"event.{each}" for each in EVENT]
    found += ["session.session_id"]
    for node in walk(root):
        if not isinstance(node, Collection) or not node.keyed:
            continue
        for key in ("save", "values", "map", "response_mapping"):
            entry = node.get(key)
            if entry is not None and isinstance(entry.value, Scalar) and key == "save":
                found += [entry.value.text, *(f"{entry.value.text}.{name}" for name in _answer(node))]
            elif entry is not None and isinstance(entry.value, Collection):
                found += [each.name for each in entry.value.entries]
        if (data := node.get("data")) is not None and node.get("session_id") and isinstance(data.value, Collection):
            found += [f"session.data.{each.name}" for each in data.value.entries]
        if node.get("user_id") and not node.get("session_id"):
            found += [f"profile.{each.name}" for each in node.entries if isinstance(each.value, Scalar)]
            preferences = node.get("preferences")
            if preferences is not None and isinstance(preferences.value, Collection):
                found += [f"profile.preferences.{each.name}" for each in preferences.value.entries]
    return [each for each in dict.fromkeys(found) if each and not each.endswith(".")]

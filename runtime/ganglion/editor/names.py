# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a document gives names to its parts, and where it refers to them."""

from collections.abc import Iterator
from dataclasses import dataclass

from ganglion.editor.grammar import below, in_list, in_map
from ganglion.editor.tree import Collection, Entry, Node, Scalar, Style
from ganglion.mova.load import DIALECT
from ganglion.mova.shape import Kind, MapOf, Object
from ganglion.mova.vocabulary import DOCUMENTS

#: (object, key) -> what is named there.
_GIVEN = {
    ("protocol", "name"): "protocol",
    ("step", "id"): "step",
    ("tool", "id"): "tool",
    ("intent", "name"): "intent",
}
#: (object, key) -> what is referred to there. Keys of maps of the author's are joined to the key that they are under.
USED = {
    ("step", "next_step"): "step",
    ("step", "next_step_id"): "step",
    ("condition", "next_step_id"): "step",
    ("set of conditions", "default_next_step_id"): "step",
    ("error handling", "fallback_step_id"): "step",
    ("step", "tool_api_id"): "tool",
    ("step", "tools"): "tool",
    ("step", "preset"): "preset",
    ("step", "protocol"): "protocol",
    ("step", "branches"): "protocol",
    ("trigger", "run"): "protocol",
    ("trigger", "intent"): "intent",
    ("visit", "intent"): "intent",
    ("expectation", "ran"): "protocol",
}
#: (object, key) of maps whose keys refer to something -> what, and what stands before its name.
_USED_BY_KEYS = {
    ("test", "tools"): ("tool", ""),
    ("test", "llm.calls"): ("tool", ""),
    ("test", "feed"): ("intent", "intent:"),
    ("expectation", "ran"): ("protocol", ""),
}


@dataclass(frozen=True, slots=True)
class Mention:
    """One name, where it stands.

    Attributes:
        what: `protocol step tool preset intent`.
        name: The name.
        scope: Of a step, where its protocol begins; else 0.
        node: The scalar with the name.
        given: The part itself, where the name is given; None where it is only referred to.
        before: What stands in the scalar before the name.
    """

    what: str
    name: str
    scope: int
    node: Scalar
    given: Node | None
    before: str = ""

    def same(self, other: "Mention") -> bool:
        """Whether both name the same part."""
        return (self.what, self.name, self.scope) == (other.what, other.name, other.scope)


def form(root: Collection) -> tuple[str, bool]:
    """The form of a document, and whether it asks for the edge dialect."""
    dialect = root.get("dialect")
    edge = dialect is not None and isinstance(dialect.value, Scalar) and dialect.value.text == DIALECT
    return "classes" if root.get("classes") is not None else "flat", edge


def grammar(root: Collection) -> Object:
    """The vocabulary of a document."""
    return DOCUMENTS[form(root)]


def chosen(owner: Collection, kind: Kind) -> str:
    """The value that says which keys an object has, as `action` does; empty where there is none."""
    by = owner.get(kind.by) if isinstance(kind, Object) and kind.by else None
    return by.value.text if by is not None and isinstance(by.value, Scalar) else ""


def mentions(root: Collection) -> list[Mention]:
    """Every name, in the order of the text."""
    return sorted(_mentions(root, grammar(root), ("", ""), 0), key=lambda each: each.node.start)


def _mentions(node: Node, kind: Kind, place: tuple[str, str], scope: int) -> Iterator[Mention]:
    if isinstance(node, Scalar):
        if place in USED and node.text and node.style is not Style.WORD:
            yield _mention(USED[place], node, scope, None)
    elif isinstance(node, Collection) and not node.keyed:
        for entry in node.entries:
            yield from _mentions(entry.value, in_list(kind), place, scope)
    elif isinstance(node, Collection):
        named = in_map(kind)
        if isinstance(named, Object) and named.name == "protocol":
            scope = node.start
        for entry in node.entries:
            yield from _in_map(node, entry, named, place, scope)


def _in_map(owner: Collection, entry: Entry, kind: Kind, place: tuple[str, str], scope: int) -> Iterator[Mention]:
    if isinstance(kind, Object):
        inner = (kind.name, entry.name)
        if inner in _GIVEN and isinstance(entry.value, Scalar) and entry.value.text:
            yield _mention(_GIVEN[inner], entry.value, scope, owner)
    else:
        inner = (place[0], f"{place[1]}.{entry.name}")
        what, before = _USED_BY_KEYS.get(place, ("", ""))
        if what and isinstance(entry.key, Scalar) and entry.name.startswith(before) and entry.name != before:
            yield Mention(what, entry.name.removeprefix(before), 0, entry.key, None, before)
        if place == ("document", "presets") and isinstance(kind, MapOf) and isinstance(entry.key, Scalar):
            yield _mention("preset", entry.key, scope, entry.value)
    yield from _mentions(entry.value, below(kind, entry.name, chosen(owner, kind)), inner, scope)


def _mention(what: str, node: Scalar, scope: int, given: Node | None) -> Mention:
    return Mention(what, node.text, scope if what == "step" else 0, node, given)

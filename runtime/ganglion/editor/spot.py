# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands at a place of a document: the key or value, what it is in, and what the vocabulary says of it."""

from dataclasses import dataclass

from ganglion.editor import lenient
from ganglion.editor.grammar import below, in_list, in_map
from ganglion.editor.names import chosen, grammar
from ganglion.editor.tree import Collection, Entry, Node, Scalar
from ganglion.mova.shape import Kind, Object

#: Stands in for the cursor, so that the reader says where it is. Unicode gives this character no meaning.
CURSOR = "\ue000"


@dataclass(frozen=True, slots=True)
class Spot:
    """A key or a value.

    Attributes:
        way: The collections from the top to it, each with the entry that leads on; the last has the spot itself.
        on_key: Whether it is the key of that entry, else its value.
    """

    way: list[tuple[Collection, Entry]]
    on_key: bool

    @property
    def owner(self) -> Collection:
        """What it is in."""
        return self.way[-1][0]

    @property
    def entry(self) -> Entry:
        """Its pair or item."""
        return self.way[-1][1]

    @property
    def node(self) -> Node:
        """The key or value itself."""
        return self.entry.key if self.on_key and self.entry.key is not None else self.entry.value

    @property
    def key(self) -> str:
        """The key that leads here: its own, or that of the list it is in."""
        return next((entry.name for owner, entry in reversed(self.way) if owner.keyed), "")

    def kind(self) -> Kind:
        """The kind of what it is in."""
        kind: Kind = grammar(self.way[0][0])
        for owner, entry in self.way[:-1]:
            kind = below(kind, entry.name, chosen(owner, in_map(kind))) if owner.keyed else in_list(kind)
        return kind

    def value_kind(self) -> Kind:
        """The kind of its value."""
        kind = self.kind()
        if not self.owner.keyed:
            return in_list(kind)
        return below(kind, self.entry.name, chosen(self.owner, in_map(kind)))

    def object(self) -> str:
        """What the vocabulary calls the nearest map that it names; empty outside of any."""
        found = ""
        kind: Kind = grammar(self.way[0][0])
        for owner, entry in self.way:
            if isinstance(named := in_map(kind), Object) and owner.keyed:
                found = named.name
            kind = below(kind, entry.name, chosen(owner, in_map(kind))) if owner.keyed else in_list(kind)
        return found


def at(root: Collection, offset: int) -> Spot | None:
    """The key or value that an offset is in or at the end of."""
    way: list[tuple[Collection, Entry]] = []
    node: Node = root
    while isinstance(node, Collection):
        found = next((each for each in node.entries if each.start <= offset <= each.end), None)
        if found is None:
            break
        way.append((node, found))
        if found.key is not None and found.key.start <= offset <= found.key.end:
            return Spot(way, on_key=True)
        node = found.value
    return Spot(way, on_key=False) if way and isinstance(node, Scalar) and node.start <= offset <= node.end else None


def at_cursor(text: str, offset: int, *, as_json: bool) -> tuple[Spot, Scalar] | None:
    """Where somebody writes, whatever is broken around it, and the word with `CURSOR` in it."""
    marked = text[:offset] + CURSOR + text[offset:]
    return _find(lenient.read(marked, as_json=as_json), [])


def _find(node: Collection, way: list[tuple[Collection, Entry]]) -> tuple[Spot, Scalar] | None:
    for entry in node.entries:
        here = [*way, (node, entry)]
        for scalar, on_key in ((entry.key, True), (entry.value, False)):
            if isinstance(scalar, Scalar) and CURSOR in scalar.text:
                return Spot(here, on_key), scalar
        if isinstance(entry.value, Collection) and (found := _find(entry.value, here)) is not None:
            return found
    return None

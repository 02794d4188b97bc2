# SPDX-License-Identifier: GPL-3.0-or-later
"""A document as it was written: maps and lists with their comments, blank lines and quotes, in JSON and YAML alike.

`ganglion.mova.source` has what a document says; this has how it says it.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any


class Style(Enum):
    """How a scalar is written. `WORD` is what is no text: a number, true, false, null."""

    WORD = auto()
    PLAIN = auto()
    QUOTED = auto()
    LITERAL = auto()
    FOLDED = auto()


@dataclass(slots=True, kw_only=True)
class Node:
    """A value. `start` and `end` are offsets in the text, `anchor` is its name in YAML."""

    start: int = 0
    end: int = 0
    anchor: str = ""


@dataclass(slots=True, kw_only=True)
class Scalar(Node):
    """Text, or the word that stands for another value. `lines` are those of a folded text, as they were broken."""

    text: str
    style: Style = Style.PLAIN
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Alias(Node):
    """`*name`."""

    name: str


@dataclass(slots=True, kw_only=True)
class Entry:
    """A pair of a map, or an item of a list, which has no key.

    Attributes:
        before: Comments above it, and empty text for an empty line.
        after: The comment at the end of its first line.
    """

    key: Scalar | Alias | None = None
    value: Node
    before: list[str] = field(default_factory=list)
    after: str = ""

    @property
    def start(self) -> int:
        """Where it begins in the text."""
        return self.value.start if self.key is None else self.key.start

    @property
    def end(self) -> int:
        """Where it ends."""
        return max(self.value.end, self.key.end if self.key is not None else 0)

    @property
    def name(self) -> str:
        """Its key; empty for an item, and for a key that is an alias."""
        return self.key.text if isinstance(self.key, Scalar) else ""


@dataclass(slots=True, kw_only=True)
class Collection(Node):
    """A map (`keyed`) or a list.

    Attributes:
        flow: Written in brackets, in YAML; on one line, in JSON.
        column: Of its entries, counted from 0, where it is not in brackets.
        tail: Comments after the last entry.
    """

    entries: list[Entry] = field(default_factory=list)
    keyed: bool
    flow: bool = False
    column: int = 0
    tail: list[str] = field(default_factory=list)

    def get(self, name: str) -> Entry | None:
        """The pair with a key."""
        return next((each for each in self.entries if each.name == name), None)


def text(value: str) -> Scalar:
    """New text in quotes."""
    return Scalar(text=value, style=Style.QUOTED)


def walk(node: Node) -> Iterator[Node]:
    """The values in a value, itself first."""
    yield node
    if isinstance(node, Collection):
        for entry in node.entries:
            yield from walk(entry.value)


def has_comments(node: Node) -> bool:
    """Whether a comment stands anywhere inside."""
    return any(
        any(each.tail) or any(entry.after or any(entry.before) for entry in each.entries)
        for each in walk(node)
        if isinstance(each, Collection)
    )


def unfolded(node: Node) -> Node:
    """The same without anchors: each alias becomes a copy of what it names, and what `<<` merges joins its map."""
    return _unfolded(node, {})


def _unfolded(node: Node, named: dict[str, Node]) -> Node:
    if isinstance(node, Alias):
        return _bare(named[node.name])
    if isinstance(node, Collection):
        merged: list[Entry] = []
        entries = []
        for entry in node.entries:
            if isinstance(entry.key, Alias):
                entry.key = _key(named[entry.key.name])
            elif entry.key is not None and entry.key.anchor:
                named[entry.key.anchor] = entry.key
                entry.key.anchor = ""
            entry.value = _unfolded(entry.value, named)
            if node.keyed and entry.name == "<<" and isinstance(entry.value, Collection):
                maps = [entry.value] if entry.value.keyed else [each.value for each in entry.value.entries]
                merged += [pair for each in maps if isinstance(each, Collection) for pair in each.entries]
                node.tail += [comment for comment in (*entry.before, entry.after) if comment]
            else:
                entries.append(entry)
        for pair in merged:
            if all(pair.name != each.name for each in entries):
                entries.append(pair)
        node.entries = entries
    if node.anchor:
        named[node.anchor] = node
        node.anchor = ""
    return node


def _key(node: Node) -> Scalar:
    assert isinstance(node, Scalar)  # the reader refuses an alias of anything else as a key
    return Scalar(text=node.text, style=node.style)


def _bare(node: Node) -> Node:
    """A copy without comments, which stay where they were written."""
    copy: Any = deepcopy(node)
    for each in walk(copy):
        if isinstance(each, Collection):
            each.tail = []
            for entry in each.entries:
                entry.before, entry.after = [], ""
    return copy  # type: ignore[no-any-return]

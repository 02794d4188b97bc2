# SPDX-License-Identifier: GPL-3.0-or-later
"""What a selector is once it is read: a condition on one node, which can be written again. No I/O.

The text of a selector is what is kept and shown; `parse(str(selector))` is the same selector.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, Protocol, TypeVar

from ganglion.sentences import Sentence, joined, say
from ganglion.settings import closest_of_many
from ganglion_gateway.selecting.version import bare, version

#: Words of a value that stand without quotes.
PLAIN = re.compile(r"[^\s()=!<>,\"\\]+")
#: Words of the language: a node that is called so is written in quotes.
WORDS = frozenset({"and", "or", "not", "in", "all"})
ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


class Subject(Protocol):
    """What is asked of a node; `ganglion_gateway.fleet.Node` is one."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def board(self) -> str: ...
    @property
    def sw(self) -> str: ...
    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def former(self) -> Sequence[str]: ...
    @property
    def online(self) -> bool: ...
    @property
    def revoked(self) -> int | None: ...
    @property
    def sensors(self) -> Collection[str]: ...
    @property
    def caps(self) -> Mapping[str, Any]: ...


S = TypeVar("S", bound=Subject)


def _stated(node: Subject, kind: str) -> Iterable[str]:
    """What a node's birth says that it has."""
    said = node.caps.get(kind)
    return said if isinstance(said, dict) else ()


#: Key -> what a node has of it.
KEYS: dict[str, Callable[[Subject], Iterable[str]]] = {
    "tag": lambda node: node.tags,
    "board": lambda node: (node.board,),
    "name": lambda node: (node.name,),
    "id": lambda node: (node.id, *node.former),
    "sw": lambda node: (node.sw, bare(node.sw)),
    "sensor": lambda node: {*node.sensors, *_stated(node, "sensors")},
    "actuator": lambda node: _stated(node, "actuators"),
    "online": lambda node: ("yes" if node.online else "no",),
    "sleeps": lambda node: ("yes" if node.caps.get("sleeps") else "no",),
}
#: Those of which every node is one of two, so that a fleet may have no such node.
EITHER = ("online", "sleeps")
#: What a word alone means: a name or an id.
WHO = "who"
_OF: dict[str, Callable[[Subject], Iterable[str]]] = {**KEYS, WHO: lambda node: (node.name, node.id, *node.former)}


@dataclass(frozen=True, slots=True)
class Value:
    """A value that is looked for.

    Attributes:
        text: Where it is not literal, each `*` stands for any letters, also none.
        literal: It was in quotes: `*` is a star.
    """

    text: str
    literal: bool = False

    @property
    def is_pattern(self) -> bool:
        """Whether more than one text can be it."""
        return not self.literal and "*" in self.text

    def fits(self, text: str) -> bool:
        """Whether a node's text is it."""
        if not self.is_pattern:
            return text == self.text
        first, *middle, last = self.text.split("*")
        if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for part in middle:  # the leftmost place leaves the most for what follows, so this is linear
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    def __str__(self) -> str:
        if PLAIN.fullmatch(self.text) and self.text.lower() not in WORDS and not (self.literal and "*" in self.text):
            return self.text
        return '"' + self.text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class All:
    """Every node."""

    def matches(self, node: Subject) -> bool:
        """Whether it means a node."""
        return True

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class Has:
    """A node has one of these values under a key."""

    key: str
    values: tuple[Value, ...]

    def matches(self, node: Subject) -> bool:
        """Whether it means a node."""
        return any(value.fits(text) for text in _OF[self.key](node) for value in self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return str(self.values[0]) if self.key == WHO else f"{self.key}={self.values[0]}"
        return f"{self.key} in ({', '.join(map(str, self.values))})"


@dataclass(frozen=True, slots=True)
class Compared:
    """A node's software came out before or after a version. One that states no version is neither."""

    order: str
    text: Value

    def matches(self, node: Subject) -> bool:
        """Whether it means a node."""
        its, wanted = version(node.sw), version(self.text.text)
        return its is not None and wanted is not None and ORDERS[self.order](its, wanted)

    def __str__(self) -> str:
        return f"sw{self.order}{self.text}"


@dataclass(frozen=True, slots=True)
class Not:
    """The other nodes."""

    of: "Selector"

    def matches(self, node: Subject) -> bool:
        """Whether it means a node."""
        return not self.of.matches(node)

    def __str__(self) -> str:
        return f"not {_within(self.of, And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    """What all of two or more mean."""

    of: tuple["Selector", ...]

    def matches(self, node: Subject) -> bool:
        """Whether it means a node."""
        return all(each.matches(node) for each in self.of)

    def __str__(self) -> str:
        return " and ".join(_within(each, And, Or) for each in self.of)


@dataclass(frozen=True, slots=True)
class Or:
    """What any of two or more means."""

    of: tuple["Selector", ...]

    def matches(self, node: Subject) -> bool:
        """Whether it means a node."""
        return any(each.matches(node) for each in self.of)

    def __str__(self) -> str:
        return " or ".join(_within(each, Or) for each in self.of)


Selector = All | Has | Compared | Not | And | Or


def _within(selector: Selector, *looser: type) -> str:
    return f"({selector})" if isinstance(selector, looser) else str(selector)


def chosen(selector: Selector, nodes: Iterable[S]) -> list[S]:
    """The nodes that are meant, in their order; one that was revoked is never."""
    return [node for node in nodes if node.revoked is None and selector.matches(node)]


def strange(selector: Selector, nodes: Collection[Subject]) -> list[Sentence]:
    """What a selector names and no node has, a sentence each: a typing error selects nothing, or too much."""
    found = []
    for has in _leaves(selector):
        have = {text for node in nodes for text in _OF[has.key](node)}
        for value in has.values:
            if has.key not in EITHER and not any(value.fits(text) for text in have):
                no = say("no node has {key}={value}", key=has.key, value=value)
                if has.key == WHO:
                    no = say("no node is called {value}", value=value)
                near = closest_of_many(value.text, have)
                found.append(no if near is None else joined("; ", [no, say('did you mean "{name}"?', name=near)]))
    return found


def _leaves(selector: Selector) -> Iterator[Has]:
    match selector:
        case Has():
            yield selector
        case Not(of=one):
            yield from _leaves(one)
        case And(of=some) | Or(of=some):
            for each in some:
                yield from _leaves(each)

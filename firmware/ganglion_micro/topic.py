# SPDX-License-Identifier: GPL-3.0-or-later
"""MQTT topic names and filters (3.1.1 section 4.7): what is well formed, and what matches what."""


def is_name(text: str) -> bool:
    """Whether a text may be a topic name: 1 to 65535 bytes of UTF-8 without `+`, `#` and NUL."""
    return _is_string(text) and "+" not in text and "#" not in text


def is_filter(text: str) -> bool:
    """Whether a text may be a topic filter: `+` fills a level, `#` is the last level (4.7.1)."""
    if not _is_string(text):
        return False
    levels = text.split("/")
    for level in levels:
        if level not in ("+", "#") and ("+" in level or "#" in level):
            return False
    return "#" not in levels[:-1]


def matches(filter: str, topic: str) -> bool:
    """Whether a topic name matches a filter; both must be well formed."""
    if topic.startswith("$") and filter[:1] in ("+", "#"):
        return False
    wanted, levels = filter.split("/"), topic.split("/")
    for i in range(len(wanted)):
        if wanted[i] == "#":
            return True
        if i == len(levels) or wanted[i] not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)


def _is_string(text: str) -> bool:
    """Whether it is an MQTT string (1.5.3) of at least one byte."""
    for character in text:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            return False
    return 0 < len(text.encode()) <= 65535


class Tree:
    """Filters as a tree of their levels, so that a name meets only those that begin as it does."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, filter: str, key: int) -> None:
        """Adds a key under a filter."""
        node = self._root
        for level in filter.split("/"):
            below = node.below.get(level)
            if below is None:
                below = node.below[level] = _Node()
            node = below
        node.keys.append(key)

    def remove(self, filter: str, key: int) -> None:
        """Takes a key away that was added under this filter."""
        path = [self._root]
        levels = filter.split("/")
        for level in levels:
            path.append(path[-1].below[level])
        path[-1].keys.remove(key)
        while levels and not path[-1].keys and not path[-1].below:
            path.pop()
            del path[-1].below[levels.pop()]

    def match(self, name: str) -> "list[int]":
        """The keys of all filters that match a topic name, in no order."""
        found = []  # type: list[int]
        here = [self._root]
        hidden = name.startswith("$")  # 4.7.2: from wildcards in the first level
        for level in name.split("/"):
            below = []
            for node in here:
                if not hidden:
                    if "#" in node.below:
                        found += node.below["#"].keys
                    if "+" in node.below:
                        below.append(node.below["+"])
                if level in node.below:
                    below.append(node.below[level])
            here = below
            hidden = False
        for node in here:
            found += node.keys
            if "#" in node.below:  # 4.7.1.2: "sport/#" matches "sport" too
                found += node.below["#"].keys
        return found


class _Node:
    __slots__ = ("below", "keys")

    def __init__(self) -> None:
        self.below = {}  # type: dict[str, _Node]
        self.keys = []  # type: list[int]

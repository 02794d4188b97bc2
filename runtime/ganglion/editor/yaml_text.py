# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a tree as YAML in one layout: two spaces a level, lists indented, brackets where they stood and still fit."""

from ganglion.editor.quoting import in_block, on_one_line
from ganglion.editor.tree import Alias, Collection, Entry, Node, Scalar, has_comments

#: Characters of a line up to which a map or list stays in the brackets that it was written in.
WIDTH = 120


def write(root: Collection) -> str:
    """The text of a document. Its top level is never in brackets."""
    return "\n".join(_entries(root, 0)) + "\n"


def _entries(owner: Collection, indent: int) -> list[str]:
    """The lines of a map or list that is not in brackets."""
    made: list[str] = []
    for entry in owner.entries:
        _settle(entry, indent)
        made += _comments(entry.before, indent, made)
        made += _entry(entry, indent)
    return made + _comments(owner.tail, indent, made)


def _comments(texts: list[str], indent: int, above: list[str]) -> list[str]:
    """The lines of comments. An empty one says nothing at the top, and would grow a text that keeps its own."""
    made: list[str] = []
    for each in texts:
        if each or (made or above or [""])[-1]:
            made.append(" " * indent + each if each else "")
    return made


def _settle(entry: Entry, indent: int) -> None:
    """Puts comments above an entry that have no place inside it in this layout."""
    value = entry.value
    if not isinstance(value, Collection) or _brief(entry, indent) is not None:
        return
    if entry.after and (entry.key is None or value.anchor):
        entry.before.append(entry.after)
        entry.after = ""
    if entry.key is None and not value.anchor:
        first = value.entries[0]
        _settle(first, indent + 2)
        entry.before += first.before[first.before[:1] == [""] :]
        first.before = []


def _entry(entry: Entry, indent: int) -> list[str]:
    """The lines of one pair or item, without the comments above it."""
    value = entry.value
    margin = " " * indent
    head = margin + _head(entry)
    after = f"  {entry.after}" if entry.after else ""
    if (brief := _brief(entry, indent)) is not None:
        return [f"{head} {brief}{after}"]
    if value.anchor:
        head += f" &{value.anchor}"
    if isinstance(value, Scalar):
        block = in_block(value)
        assert block is not None  # else it were brief
        mark, lines = block
        return [f"{head} {mark}{after}", *(f"{margin}  {line}" if line else "" for line in lines)]
    assert isinstance(value, Collection)  # an alias is brief
    lines = _entries(value, indent + 2)
    if entry.key is None and not value.anchor:
        return [f"{head} {lines[0].lstrip(' ')}", *lines[1:]]
    return [head + after, *lines]


def _head(entry: Entry) -> str:
    if entry.key is None:
        return "-"
    return _key(entry.key, flow=False) + ":"


def _key(key: Scalar | Alias, *, flow: bool) -> str:
    if isinstance(key, Alias):
        return f"*{key.name} "
    return (f"&{key.anchor} " if key.anchor else "") + on_one_line(key, flow=flow)


def _brief(entry: Entry, indent: int) -> str | None:
    """A value that stands on the line of its key or dash; None where it takes lines of its own."""
    value = entry.value
    if isinstance(value, Scalar):
        return None if in_block(value) is not None else _flow(value, flow=False)
    if isinstance(value, Collection) and value.entries:
        if not value.flow or has_comments(value):
            return None
        text = _flow(value)
        return text if indent + len(_head(entry)) + 1 + len(text) <= WIDTH else None
    return _flow(value)


def _flow(node: Node, *, flow: bool = True) -> str:
    """A value in brackets and on one line."""
    anchor = f"&{node.anchor} " if node.anchor else ""
    if isinstance(node, Alias):
        return f"*{node.name}"
    if isinstance(node, Scalar):
        return anchor + on_one_line(node, flow=flow)
    assert isinstance(node, Collection)
    if not node.keyed:
        return f"{anchor}[{', '.join(_flow(each.value) for each in node.entries)}]"
    pairs = (f"{_key(each.key, flow=True)}: {_flow(each.value)}" for each in node.entries if each.key is not None)
    return f"{anchor}{{{', '.join(pairs)}}}"

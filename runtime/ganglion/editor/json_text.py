# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a tree as strict JSON: two spaces a level; what stood on one line stays there as long as it fits."""

import json

from ganglion.editor.tree import Collection, Node, Scalar, Style
from ganglion.editor.yaml_text import WIDTH


def write(root: Collection) -> str:
    """The text of a document. Its top level is never on one line."""
    return _spread(root, 0) + "\n"


def _spread(owner: Collection, indent: int) -> str:
    margin = " " * (indent + 2)
    lines = []
    for entry in owner.entries:
        head = margin + ("" if entry.key is None else f"{json.dumps(entry.name, ensure_ascii=False)}: ")
        lines.append(head + _value(entry.value, indent + 2, len(head)))
    opening, closing = "{}" if owner.keyed else "[]"
    return f"{opening}\n" + ",\n".join(lines) + f"\n{' ' * indent}{closing}"


def _value(node: Node, indent: int, column: int) -> str:
    if not isinstance(node, Collection):
        return _line(node)
    # One place for the comma that may follow
    if not node.entries or (node.flow and column + len(_line(node)) < WIDTH):
        return _line(node)
    return _spread(node, indent)


def _line(node: Node) -> str:
    if isinstance(node, Scalar):
        return node.text if node.style is Style.WORD else json.dumps(node.text, ensure_ascii=False)
    assert isinstance(node, Collection)  # JSON has no aliases
    if not node.keyed:
        return f"[{', '.join(_line(each.value) for each in node.entries)}]"
    pairs = (f"{json.dumps(each.name, ensure_ascii=False)}: {_line(each.value)}" for each in node.entries)
    return f"{{{', '.join(pairs)}}}"

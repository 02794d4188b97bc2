# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the keys of a tree into the order of the vocabulary."""

from ganglion.editor.grammar import below, fields, in_list, in_map
from ganglion.editor.tree import Alias, Collection, Node, Scalar, walk
from ganglion.mova.shape import Kind, Object


def arrange(root: Collection, kind: Kind) -> None:
    """Sorts the keys that the vocabulary has; keys of the author's stay behind them, in their own order.

    A document with aliases is left as it is, for an alias may not come before what it names.
    """
    if any(isinstance(each, Alias) for each in walk(root)):
        return
    first = root.entries[0]
    # What stands at the top speaks of the whole document, whichever key comes to be the first.
    header, first.before = first.before, []
    _arrange(root, kind)
    root.entries[0].before = header + root.entries[0].before


def _arrange(node: Node, kind: Kind) -> None:
    if not isinstance(node, Collection):
        return
    if not node.keyed:
        for entry in node.entries:
            _arrange(entry.value, in_list(kind))
        return
    chosen = ""
    if isinstance(named := in_map(kind), Object):
        by = node.get(named.by) if named.by else None
        chosen = by.value.text if by is not None and isinstance(by.value, Scalar) else ""
        order = {key: i for i, key in enumerate(fields(named, chosen))}
        node.entries.sort(key=lambda entry: order.get(entry.name, len(order)))
    for entry in node.entries:
        _arrange(entry.value, below(kind, entry.name, chosen))

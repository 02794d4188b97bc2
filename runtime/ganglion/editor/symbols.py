# SPDX-License-Identifier: GPL-3.0-or-later
"""The outline of a document: its parts, and the steps of its protocols."""

from collections.abc import Iterator

from lsprotocol.types import DocumentSymbol, SymbolKind

from ganglion.editor.buffer import Buffer
from ganglion.editor.described import outline
from ganglion.editor.tree import Collection, Entry, Node, Scalar
from ganglion.mova.forms import PARTS

_KINDS = {
    "protocol": SymbolKind.Function,
    "tool": SymbolKind.Interface,
    "intent": SymbolKind.Event,
    "trigger": SymbolKind.Event,
    "preset": SymbolKind.Constant,
    "test": SymbolKind.Method,
    "step": SymbolKind.Field,
}
#: Key of a list -> what is in it, and the keys that may have its name.
_PARTS = {
    key: (part.what, (part.name, part.class_name)) for part in PARTS for key in (part.flat, part.one)
} | {"triggers": ("trigger", ("id",)), "tests": ("test", ("name",))}  # fmt: skip


def symbols(buffer: Buffer) -> list[DocumentSymbol]:
    """The outline."""
    return list(_top(buffer, buffer.tree))


def _top(buffer: Buffer, root: Collection) -> Iterator[DocumentSymbol]:
    for entry in root.entries:
        if entry.name == "classes" and isinstance(entry.value, Collection):
            yield from _top(buffer, entry.value)
        elif entry.name == "presets" and isinstance(entry.value, Collection):
            for preset in entry.value.entries:
                if preset.key is not None and preset.name:
                    yield _symbol(buffer, "preset", preset.name, preset, preset.key)
        elif entry.name in _PARTS:
            what, keys = _PARTS[entry.name]
            for item in _items(entry):
                yield from _part(buffer, what, keys, item)


def _items(entry: Entry) -> list[Entry]:
    """Those of a list; an object that stands alone is the only one."""
    value = entry.value
    return value.entries if isinstance(value, Collection) and not value.keyed else [Entry(value=value)]


def _part(buffer: Buffer, what: str, keys: tuple[str, ...], item: Entry) -> Iterator[DocumentSymbol]:
    if not isinstance(item.value, Collection) or not item.value.keyed:
        return
    named = next((found.value for key in keys if (found := item.value.get(key)) is not None), None)
    if not isinstance(named, Scalar) or not named.text:
        return
    made = _symbol(buffer, what, named.text, item, named)
    if (steps := item.value.get("steps")) is not None:
        made.children = [each for step in _items(steps) for each in _part(buffer, "step", ("id",), step)]
    yield made


def _symbol(buffer: Buffer, what: str, name: str, entry: Entry, named: Node) -> DocumentSymbol:
    return DocumentSymbol(
        name=name,
        kind=_KINDS.get(what, SymbolKind.Object),
        range=buffer.positions.range(entry.start, entry.end),
        selection_range=buffer.positions.range(named.start, named.end),
        detail=outline(what, entry.value) or what,
    )

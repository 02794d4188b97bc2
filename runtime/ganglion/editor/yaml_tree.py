# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads YAML that `ganglion.mova.yaml_source` accepts into a tree that remembers how it was written."""

import re
from typing import Any

import yaml

from ganglion.editor.comments import attach, found
from ganglion.editor.tree import Alias, Collection, Entry, Node, Scalar, Style
from ganglion.mova.yaml_source import plain_value

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BREAK = re.compile(r"\r\n|\n|\r")
_TAG = "tag:yaml.org,2002:"


def read(text: str) -> Collection:
    """The tree of a text.

    Raises:
        yaml.YAMLError: it is not YAML.
        ValueError: its top level is not a map.
    """
    builder = _Builder(text)
    for event in yaml.parse(text, Loader=_Loader):
        builder.take(event)
    if not isinstance(builder.root, Collection) or not builder.root.keyed:
        raise ValueError("the document is not a map")
    attach(text, builder.root, found(text, builder.opaque))
    return builder.root


class _Builder:
    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[Collection] = []
        self._key: Scalar | Alias | None = None
        self._keys: list[Scalar | Alias | None] = []
        self.root: Node | None = None
        #: Where a # is no comment.
        self.opaque: list[tuple[int, int]] = []

    def take(self, event: Any) -> None:
        """Adds what an event brings."""
        match event:
            case yaml.ScalarEvent():
                self._put(self._scalar(event))
            case yaml.AliasEvent():
                start, end = _span(event)
                self._put(Alias(start=start, end=end, name=str(event.anchor)))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                start, end = _span(event)
                self._open.append(
                    Collection(
                        start=start,
                        end=end,
                        anchor=event.anchor or "",
                        keyed=isinstance(event, yaml.MappingStartEvent),
                        flow=bool(event.flow_style),
                        column=self._column(start),
                    )
                )
                self._keys.append(self._key)
                self._key = None
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                made = self._open.pop()
                self._key = self._keys.pop()
                if made.flow:
                    made.end = _span(event)[1]
                elif made.entries:
                    made.end = made.entries[-1].end
                    if made.keyed:
                        made.column = self._column(made.entries[0].start)
                self._put(made)

    def _column(self, offset: int) -> int:
        return offset - (self._text.rfind("\n", 0, offset) + 1)

    def _put(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        owner = self._open[-1]
        if owner.keyed and self._key is None:
            assert isinstance(node, Scalar | Alias)  # the reader has refused other keys
            self._key = node
            return
        if self._key is not None and node.start == node.end:
            node.start = node.end = self._key.end  # nothing stands there; its event may be lines below
        owner.entries.append(Entry(key=self._key, value=node))
        self._key = None

    def _scalar(self, event: Any) -> Scalar:
        start, end = _span(event)
        text: str = event.value
        anchor = event.anchor or ""
        if end > start:
            self.opaque.append((start, end))
        tag = str(event.tag or "").removeprefix(_TAG)
        key = bool(self._open) and self._open[-1].keyed and self._key is None
        if event.style in ("|", ">") and tag in ("", "!", "str"):
            raw = self._text[start:end]
            head = self.opaque.pop()[0]
            # A comment may stand behind the mark of a block text.
            mark = re.search(r"[|>][-+0-9]*", raw)
            self.opaque += [(head, head + (mark.end() if mark else 0)), (head + len(_BREAK.split(raw, 1)[0]), end)]
            lines = _lines(raw) if event.style == ">" else []
            style = Style.FOLDED if lines else Style.LITERAL
            return Scalar(start=start, end=end, anchor=anchor, text=text, style=style, lines=lines)
        if tag in ("!", "str") or (not tag and event.style) or key:
            style = Style.QUOTED if event.style or tag else Style.PLAIN
            return Scalar(start=start, end=end, anchor=anchor, text=text, style=style)
        value = plain_value(text)
        if isinstance(value, str):
            return Scalar(start=start, end=end, anchor=anchor, text=text, style=Style.PLAIN)
        word = _word(text, float(value) if tag == "float" else value)
        return Scalar(start=start, end=end, anchor=anchor, text=word, style=Style.WORD)


def _span(event: Any) -> tuple[int, int]:
    return int(event.start_mark.index), int(event.end_mark.index)


def _word(text: str, value: Any) -> str:
    """How a value that is no text is written; numbers stay as they are."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return text if isinstance(value, int) or set(text) & set(".eE") else repr(value)


def _lines(raw: str) -> list[str]:
    """The lines of a folded text without their indentation; none where it says its indentation itself."""
    head, *lines = _BREAK.split(raw)
    if re.search(r"[|>][-+]?\d", head):
        return []
    while lines and not lines[-1].strip():
        lines.pop()
    first = next((line for line in lines if line.strip()), "")
    depth = len(first) - len(first.lstrip(" "))
    return [line[depth:] for line in lines]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads as much of a document as there is, whatever is broken in it: what an editor has while it is being written.

Where the exact readers refuse, this one goes on: text in quotes ends with its line, a bracket in YAML where the
indentation goes back, one in JSON where an object stands in place of a key.
"""

import re
from dataclasses import dataclass

from ganglion.editor.tree import Collection, Entry, Node, Scalar, Style
from ganglion.mova.source import MAX_DEPTH

_DASH = re.compile(r"-(?:[ \t]+|(?=\n)|\Z)")
_KEY = re.compile(
    r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|(?![-?:][ \t\n]|[\[\]{},#&*!|>'"%@`])(?:(?![ \t]\#)[^\n])*?)"""
    r"""[ \t]*:(?=[ \t\n]|\Z)"""
)
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]+)*")
_SPACE = re.compile(r"[ \t\r\ufeff]*")
#: Characters of a text in quotes that may go over several lines.
_MAX_TEXT = 10_000


def read(text: str, *, as_json: bool) -> Collection:
    """The tree of a text. Where nothing stands there is an empty plain scalar."""
    reader = _Reader(text, as_json)
    if as_json:
        start = text.find("{")
        if start >= 0:
            reader.flow(start, reader.root, floor=-1)
    else:
        reader.block()
    _close(reader.root)
    return reader.root


def _close(node: Node) -> int:
    """Gives block collections their end, and returns it."""
    if isinstance(node, Collection):
        for entry in node.entries:
            node.end = max(node.end, _close(entry.value), entry.end)
        if node.entries and node.keyed and not node.flow:
            node.start = node.entries[0].start
    return node.end


def _nothing(at: int) -> Scalar:
    return Scalar(start=at, end=at, text="")


@dataclass(slots=True)
class _Open:
    """A collection that is being read; in brackets, with the key that waits for its value."""

    made: Collection
    key: Scalar | None = None
    colon: bool = False


class _Reader:
    def __init__(self, text: str, as_json: bool) -> None:
        self.root = Collection(keyed=True)
        self._text = text
        self._json = as_json
        self._open = [self.root]

    def block(self) -> None:
        at = 0
        while at < len(self._text):
            at = self._line(at)

    def _eol(self, at: int) -> int:
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end

    def _skip(self, at: int) -> int:
        """Past white space, anchors and tags."""
        for pattern in (_SPACE, _PROPERTIES):
            found = pattern.match(self._text, at)
            assert found is not None  # both match nothing, too
            at = found.end()
        return at

    def _indent(self, at: int) -> int:
        """The column of the first character of a line that has any; of others, none."""
        line = self._text[at : self._eol(at)]
        return len(line) - len(line.lstrip(" ")) if line.strip() else 1 << 30

    def _line(self, at: int) -> int:
        """Reads one line, and those that belong to its value; returns where the next begins."""
        text = self._text
        end = self._eol(at)
        column = self._indent(at)
        here = at + column
        if column > end - at or text[here] == "#" or (not column and text.startswith(("---", "...", "%"), at)):
            return end + 1
        self._back_to(column, dash=_DASH.match(text, here) is not None)
        dashed = False
        while len(self._open) <= MAX_DEPTH and (dash := _DASH.match(text, here)):
            column = here - at
            self._back_to(column, dash=True)
            if self._open[-1].keyed or self._open[-1].column != column:
                self._begin(Collection(keyed=False, column=column, start=here))
            here = dash.end()
            self._open[-1].entries.append(Entry(value=_nothing(here)))
            dashed = True
        here = self._skip(here)
        if here >= end or text[here] == "#" or len(self._open) > MAX_DEPTH:
            return end + 1
        column = here - at
        if key := _KEY.match(text, here):
            return self._pair(key, column)
        owner = self._open[-1]
        if not dashed and owner.keyed and owner.column == column:
            owner.entries.append(Entry(key=self._string(here, end)[0], value=_nothing(end)))
            return end + 1
        return self._value(here, owner.column)

    def _back_to(self, column: int, *, dash: bool) -> None:
        """Leaves the collections that do not reach a line at this column."""
        while len(self._open) > 1:
            top = self._open[-1]
            if top.column < column or (top.column == column and (top.keyed or dash)):
                return
            self._open.pop()

    def _begin(self, made: Collection) -> None:
        owner = self._open[-1]
        if owner.entries:
            owner.entries[-1].value = made
        self._open.append(made)

    def _pair(self, found: re.Match[str], column: int) -> int:
        owner = self._open[-1]
        if owner is self.root and not owner.entries:
            owner.column = column
        if not owner.keyed or owner.column != column:
            self._begin(Collection(keyed=True, column=column, start=found.start()))
        key = self._string(found.start(1), found.end(1))[0]
        self._open[-1].entries.append(Entry(key=key, value=_nothing(found.end())))
        here = self._skip(found.end())
        end = self._eol(here)
        if here >= end or self._text[here] == "#":
            return end + 1
        return self._value(here, column)

    def _value(self, here: int, floor: int) -> int:
        """Reads what stands at the end of a line as the value of the last entry; returns where the next line begins."""
        owner = self._open[-1]
        if not owner.entries:
            return self._eol(here) + 1
        entry = owner.entries[-1]
        first = self._text[here]
        if first in "|>":
            stop = self._below(self._eol(here) + 1, floor)
            entry.value = Scalar(start=here, end=stop, text=self._text[here:stop], style=Style.LITERAL)
            return stop
        if first in "{[":
            made = Collection(keyed=first == "{", flow=True, start=here)
            stop = self.flow(here, made, floor=floor)
            entry.value = made
        else:
            scalar, stop = self._string(here, self._plain_end(here), floor)
            if isinstance(entry.value, Scalar) and entry.value.text:
                entry.value.text += " " + scalar.text  # a plain text goes on
                entry.value.end = scalar.end
            elif isinstance(entry.value, Scalar):
                entry.value = scalar
        return self._eol(stop) + 1

    def _below(self, at: int, floor: int) -> int:
        """Past the lines that are indented deeper."""
        while at < len(self._text) and self._indent(at) > floor:
            at = self._eol(at) + 1
        return min(at, len(self._text))

    def _plain_end(self, here: int) -> int:
        end = self._eol(here)
        comment = re.compile(r"[ \t]#").search(self._text, here, end)
        return comment.start() if comment else end

    def _string(self, here: int, end: int, floor: int = -1) -> tuple[Scalar, int]:
        """The text that begins here, and where it ends: with its quotes, or before `end`."""
        quote = self._text[here : here + 1]
        if quote not in ("'", '"') or not quote:
            text = self._text[here:end].rstrip()
            return Scalar(start=here, end=here + len(text), text=text), end
        whole = re.compile(r'"(?:[^"\\]|\\.)*"' if quote == '"' else r"'(?:[^']|'')*'", re.DOTALL)
        eol = self._eol(here)
        found = whole.match(self._text, here, here + _MAX_TEXT)
        if found is not None and (found.end() <= eol or (not self._json and self._is_one(found, floor))):
            stop = found.end()
            return Scalar(start=here, end=stop, text=self._text[here + 1 : stop - 1], style=Style.QUOTED), stop
        text = self._text[here + 1 : eol].rstrip()
        return Scalar(start=here, end=here + 1 + len(text), text=text, style=Style.QUOTED), eol

    def _is_one(self, found: re.Match[str], floor: int) -> bool:
        """Whether a text over several lines stays deeper than what it is the value of, and holds no key."""
        lines = found[0].split("\n")[1:]
        return all(not line.strip() or (line[: floor + 1].isspace() and not _KEY.match(line.strip())) for line in lines)

    def flow(self, at: int, made: Collection, *, floor: int) -> int:
        """Reads brackets from the first, and returns where they end; a line at column `floor` ends them, too."""
        text = self._text
        made.start, made.flow = at, True
        stack = [_Open(made)]
        at += 1
        while at < len(text):
            first = text[at]
            top = stack[-1]
            if first == "\n":
                at += 1
                if floor >= 0 and self._indent(at) <= floor and text[at + self._indent(at)] not in "}]":
                    at -= 1
                    break
            elif first in " \t\r\ufeff":
                at += 1
            elif comment := self._comment(at):
                at = comment
            elif first in "{[" and len(stack) > MAX_DEPTH:
                at += 1
            elif first in "{[":
                if top.made.keyed and not top.colon and len(stack) > 1 and not stack[-2].made.keyed:
                    self._leave(stack, at)  # the bracket before was left open
                inner = Collection(keyed=first == "{", flow=True, start=at)
                _put(stack[-1], inner)
                stack.append(_Open(inner))
                at += 1
            elif first in "}]":
                at += 1
                while len(stack) > 1 and stack[-1].made.keyed != (first == "}"):
                    self._leave(stack, at - 1)
                self._leave(stack, at)
                if not stack:
                    return at
            elif first == ",":
                _put(top, None)
                at += 1
            elif first == ":":
                top.colon = top.key is not None
                at += 1
            else:
                scalar, at = self._string(at, self._word_end(at), floor)
                _put(top, scalar)
        while stack:
            self._leave(stack, at)
        return at

    def _leave(self, stack: list[_Open], at: int) -> None:
        top = stack.pop()
        _put(top, None)
        top.made.end = at

    def _comment(self, at: int) -> int:
        """Where a comment that begins here ends; 0 where none does."""
        if self._json:
            if self._text.startswith("//", at):
                return self._eol(at)
            if self._text.startswith("/*", at):
                end = self._text.find("*/", at + 2)
                return len(self._text) if end < 0 else end + 2
            return 0
        return self._eol(at) if self._text[at] == "#" and self._text[at - 1].isspace() else 0

    def _word_end(self, at: int) -> int:
        """Where a word without quotes ends in brackets; at least one character is taken."""
        stop = r"""[,\[\]{}\n:"]""" if self._json else r"[,\[\]{}\n]|:(?=[\s,\[\]{}]|\Z)|[ \t]#"
        found = re.compile(stop).search(self._text, at + 1)
        return found.start() if found else len(self._text)


def _put(top: _Open, value: Node | None) -> None:
    """Adds a key, or a value to its key; None ends what waits for one."""
    entries = top.made.entries
    if not top.made.keyed:
        if value is not None:
            entries.append(Entry(value=value))
        return
    if top.key is not None and (top.colon or value is None or not isinstance(value, Scalar)):
        entries.append(Entry(key=top.key, value=_nothing(top.key.end) if value is None else value))
        top.key, top.colon = None, False
    elif isinstance(value, Scalar):
        if top.key is not None:
            entries.append(Entry(key=top.key, value=_nothing(top.key.end)))
        top.key = value

# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the comments of a YAML text and gives each to the entry of the tree that it speaks of."""

from bisect import bisect_right
from dataclasses import dataclass

from ganglion.editor.tree import Collection, Entry


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. `own` says that nothing stands before it on its line, `column` counts from 0."""

    at: int
    line: int
    column: int
    own: bool
    text: str


def found(text: str, opaque: list[tuple[int, int]]) -> list[Comment]:
    """The comments of a text: each # at the start of a word, outside what is `opaque`, to the end of its line."""
    spans = sorted(opaque)
    starts = [start for start, _ in spans]
    comments = []
    at = 0
    for number, line in enumerate(text.split("\n")):
        column = line.find("#")
        while column >= 0:
            offset = at + column
            i = bisect_right(starts, offset) - 1
            inside = i >= 0 and offset < spans[i][1]
            if not inside and (not column or line[column - 1] in " \t"):
                own = not line[:column].strip(" \t\ufeff") or line.startswith("---")
                comments.append(Comment(offset, number, column, own, line[column:].rstrip()))
                break
            column = line.find("#", column + 1)
        at += len(line) + 1
    return comments


def attach(text: str, root: Collection, comments: list[Comment]) -> None:
    """Gives comments and empty lines to the entries of a tree."""
    layout = _Layout(text)
    for comment in comments:
        layout.give(comment, root)
    layout.spaces(root)


class _Layout:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        #: Lines of the comments above an entry, by the identity of the list that has them
        self._numbers: dict[int, list[int]] = {}

    def _line(self, offset: int) -> int:
        return bisect_right(self._starts, offset) - 1

    def give(self, comment: Comment, owner: Collection) -> None:
        """Attaches one comment to what is inside a collection."""
        previous = next((each for each in reversed(owner.entries) if each.start <= comment.at), None)
        following = next((each for each in owner.entries if each.start > comment.at), None)
        if previous is not None:
            inner = previous.value
            beside = not comment.own and self._ends(previous) == comment.line
            if isinstance(inner, Collection) and inner.entries:
                if not comment.own and comment.at < inner.start:
                    return self._beside(previous, comment)
                if (beside and not inner.flow) or self._belongs(comment, inner, owner, following):
                    return self.give(comment, inner)
            if beside or comment.at < previous.end:
                # Also between a key and its value, and in empty brackets
                return self._beside(previous, comment)
        if following is not None:
            self._above(following, comment)
        else:
            self._numbers.setdefault(id(owner.tail), []).append(comment.line)
            owner.tail.append(comment.text)
        return None

    def _ends(self, entry: Entry) -> int:
        """The last line of an entry; of a text in a block, the one where it begins."""
        return self._line(entry.end - 1 if entry.end > entry.start else entry.start)

    def _belongs(self, comment: Comment, inner: Collection, owner: Collection, following: Entry | None) -> bool:
        if comment.at < inner.end:
            return True
        if inner.flow or not comment.own or comment.column < inner.column:
            return False
        return following is None or comment.column > owner.column

    def _beside(self, entry: Entry, comment: Comment) -> None:
        if entry.after or comment.own:
            self._above(entry, comment)
        else:
            entry.after = comment.text

    def _above(self, entry: Entry, comment: Comment) -> None:
        self._numbers.setdefault(id(entry), []).append(comment.line)
        entry.before.append(comment.text)

    def spaces(self, owner: Collection) -> None:
        """Puts an empty text before each entry and comment that an empty line stands above."""
        for entry in owner.entries:
            numbers = [*self._numbers.get(id(entry), []), self._first(entry, owner)]
            entry.before = self._spaced([*entry.before, None], numbers)
            if isinstance(entry.value, Collection):
                self.spaces(entry.value)
        owner.tail = self._spaced(list(owner.tail), self._numbers.get(id(owner.tail), []))

    def _first(self, entry: Entry, owner: Collection) -> int:
        """The line of an entry, which for an item is that of its dash."""
        line = self._line(entry.start)
        if not owner.keyed and not owner.flow:
            while line > 0 and not self._lines[line].lstrip(" ").startswith("-"):
                line -= 1
        return line

    def _spaced(self, texts: list[str | None], numbers: list[int]) -> list[str]:
        made: list[str] = []
        for text, number in zip(texts, numbers, strict=True):
            if number > 0 and not self._lines[number - 1].strip() and made[-1:] != [""]:
                made.append("")
            if text is not None:
                made.append(text)
        return made

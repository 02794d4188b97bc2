# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles regular expressions to the programs that `ganglion_micro.pattern` runs in linear time.

Read are literals, `.`, `[classes]`, `\\d \\w \\s \\b` and their opposites, groups, `|`, `* + ? {m,n}` (lazy forms match
the same), `^`, `$`, and `(?i)` at the start. What needs memory of what was matched (back-references, look-around) is
refused. Matching searches: a pattern without `^` may begin anywhere.
"""

import re
from string import digits, hexdigits
from typing import Any

from ganglion.words import _
from ganglion_micro import pattern as m

MAX_TEXT = 500
MAX_DEPTH = 20
_MAX_POINT = 0x10FFFF
_NAME = re.compile(r"\?P?<([^\W\d]\w{0,63})>")

#: Beside the instructions of `ganglion_micro.pattern`: note where the text is now. Only `compile_groups` emits it.
SAVE = 10  # slot

Program = list[list[Any]]

_CLASSES: dict[str, list[int]] = {
    "d": [48, 57],
    "w": [48, 57, 65, 90, 95, 95, 97, 122, 128, _MAX_POINT],
    "s": [9, 13, 32, 32, 0x85, 0x85, 0xA0, 0xA0],
}
_CONTROL = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "0": 0}


class PatternError(ValueError):
    """The text is no pattern, or one that cannot be matched in linear time."""


def compile_pattern(text: str) -> Program:
    """The program of a pattern.

    Raises:
        PatternError: it cannot be read, or would be too large.
    """
    return _compiled(_Parser(text))


def compile_groups(text: str) -> tuple[Program, list[str]]:
    """The program of a pattern to which small and capital letters are the same, and the names of its groups.

    Named groups, `(?P<name>…)` or `(?<name>…)`, save where they begin and end, the first of them in slots 0 and 1.
    `ganglion.intent.regex` runs it.

    Raises:
        PatternError: it cannot be read, or would be too large.
    """
    names: list[str] = []
    return _compiled(_Parser(text, names)), names


def _compiled(parser: "_Parser") -> Program:
    text = parser.text
    if len(text) > MAX_TEXT:
        raise PatternError(_("a pattern of more than {most} characters").format(most=MAX_TEXT))
    program = parser.alternatives()
    if parser.at < len(text):
        raise PatternError(_("a closing bracket without an opening one at {at}").format(at=parser.at + 1))
    program.append([m.MATCH])
    if len(program) > m.MAX_PROGRAM:
        raise _too_large()
    return program


def _too_large() -> PatternError:
    return PatternError(_("the pattern is too large; use smaller numbers in {m,n}"))


def _moved(code: Program, by: int) -> Program:
    return [
        [step[0], *(int(each) + by for each in step[1:] if not isinstance(each, list))]
        if step[0] in (m.SPLIT, m.JUMP)
        else step
        for step in code
    ]


def _split(more: int, enough: int, lazy: bool) -> list[Any]:
    """The target that is tried first stands first; that matters only to who asks where a match ends."""
    return [m.SPLIT, enough, more] if lazy else [m.SPLIT, more, enough]


class _Parser:
    """Recursive descent; each method returns code whose targets count from its own start.

    Where a list of names is given, named groups are read into it, and case is folded.
    """

    def __init__(self, text: str, names: list[str] | None = None) -> None:
        self.text = text
        self.at = 0
        self._names = names
        self._fold = text.startswith("(?i)")
        self._depth = 0
        if self._fold:
            self.at = 4
        if names is not None:
            self._fold = True

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _unsupported(self, word: str, start: int) -> PatternError:
        return PatternError(_("{word} at {at} is not supported").format(word=word, at=start + 1))

    def alternatives(self) -> Program:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PatternError(_("groups deeper than {most}").format(most=MAX_DEPTH))
        code = self._sequence()
        while self._peek() == "|":
            self.at += 1
            other = self._sequence()
            head = len(code) + 2
            code = [
                [m.SPLIT, 1, head],
                *_moved(code, 1),
                [m.JUMP, head + len(other)],
                *_moved(other, head),
            ]
        self._depth -= 1
        return code

    def _sequence(self) -> Program:
        code: Program = []
        while (found := self._peek()) and found not in "|)":
            start = self.at
            piece = self._atom()
            piece = self._repeated(piece, start)
            code += _moved(piece, len(code))
            if len(code) > m.MAX_PROGRAM:
                raise _too_large()
        return code

    def _repeated(self, piece: Program, start: int) -> Program:
        count = self._count()
        if count is None:
            return piece
        if piece and piece[0][0] >= m.START and len(piece) == 1:
            raise PatternError(_("nothing to repeat at {at}").format(at=start + 1))
        lazy = self._peek() == "?"
        if lazy:
            self.at += 1
        if self._count() is not None:
            raise PatternError(_("two repetitions in a row at {at}").format(at=self.at))
        least, most = count
        if (least if most is None else most) * len(piece) > m.MAX_PROGRAM:
            raise _too_large()
        code: Program = []
        for _copy in range(least):
            code += _moved(piece, len(code))
        if most is None:
            here = len(code)
            loop: Program = [_split(1, len(piece) + 2, lazy), *_moved(piece, 1), [m.JUMP, 0]]
            return code + _moved(loop, here)
        for _copy in range(most - least):
            here = len(code)
            code += _moved([_split(1, len(piece) + 1, lazy), *_moved(piece, 1)], here)
        return code

    def _count(self) -> tuple[int, int | None] | None:
        found = self._peek()
        if found and found in "*+?":
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[found]
        if found != "{":
            return None
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at + 1 : end].partition(",")
        if end < 0 or not low or not all(digit in digits for digit in low + high):
            return None
        if max(len(low), len(high)) > 4:
            raise PatternError(_("a repetition of more than {most}").format(most=m.MAX_PROGRAM))
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if most is not None and most < least:
            raise PatternError(_("{{{low},{high}}} counts down").format(low=low, high=high))
        self.at = end + 1
        return least, most

    def _atom(self) -> Program:
        found = self._peek()
        start = self.at
        self.at += 1
        if found == "(":
            return self._group(start)
        if found == "[":
            return [self._set(start)]
        if found == "\\":
            return [self._escape(start)]
        if found == ".":
            return [[m.ANY]]
        if found == "^":
            return [[m.START]]
        if found == "$":
            return [[m.END]]
        if found in "*+?":
            raise PatternError(_("nothing to repeat at {at}").format(at=start + 1))
        return [self._literal(found)]

    def _group(self, start: int) -> Program:
        slot = None
        if self._names is not None and (named := _NAME.match(self.text, self.at)):
            if named[1] not in self._names:
                self._names.append(named[1])
            slot = 2 * self._names.index(named[1])
            self.at = named.end()
        elif self._peek() == "?":
            if self.text[self.at : self.at + 2] != "?:":
                raise self._unsupported(self.text[start : self.at + 2], start)
            self.at += 2
        code = self.alternatives()
        if self._peek() != ")":
            raise PatternError(_("the bracket at {at} is not closed").format(at=start + 1))
        self.at += 1
        return code if slot is None else [[SAVE, slot], *_moved(code, 1), [SAVE, slot + 1]]

    def _literal(self, character: str) -> list[Any]:
        forms = {character, character.lower(), character.upper()} if self._fold else {character}
        points = sorted(ord(form) for form in forms if len(form) == 1)
        if len(points) == 1:
            return [m.CHAR, points[0]]
        return [m.SET, False, [point for point in points for _copy in range(2)]]

    def _escape(self, start: int) -> list[Any]:
        found = self._peek()
        self.at += 1
        if found == "b":
            return [m.BOUNDARY]
        if found == "B":
            return [m.INSIDE]
        if found and found.lower() in _CLASSES:
            return [m.SET, found.isupper(), _CLASSES[found.lower()]]
        return self._literal(chr(self._escaped(found, start)))

    def _escaped(self, found: str, start: int) -> int:
        if found in _CONTROL and found:
            return _CONTROL[found]
        if found and found in "xu":
            size = 2 if found == "x" else 4
            given = self.text[self.at : self.at + size]
            if len(given) < size or not all(digit in hexdigits for digit in given):
                raise PatternError(
                    _("{word} at {at} needs {size} hexadecimal digits").format(
                        word="\\" + found, at=start + 1, size=size
                    )
                )
            self.at += size
            return int(given, 16)
        if not found or found.isalnum():
            raise self._unsupported("\\" + found, start)
        return ord(found)

    def _set(self, start: int) -> list[Any]:
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        pairs: list[int] = []
        first = True
        while True:
            found = self._peek()
            if not found:
                raise PatternError(_("the bracket at {at} is not closed").format(at=start + 1))
            if found == "]" and not first:
                self.at += 1
                break
            first = False
            low = self._member(pairs)
            if low is None:
                continue
            high = low
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                end = self._member(pairs)
                if end is None or end < low:
                    raise PatternError(_("a range that counts down at {at}").format(at=self.at))
                high = end
            pairs += [low, high]
            if self._fold:
                pairs += _folded(low, high)
        return [m.SET, negated, pairs]

    def _member(self, pairs: list[int]) -> int | None:
        """A code point of a set; None where a class such as `\\d` was added to the pairs."""
        found = self._peek()
        start = self.at
        self.at += 1
        if found != "\\":
            return ord(found)
        found = self._peek()
        self.at += 1
        if found in _CLASSES:
            pairs += _CLASSES[found]
            return None
        if found and found.lower() in _CLASSES:
            raise PatternError(_("{word} inside [] at {at} is not supported").format(word="\\" + found, at=start + 1))
        return self._escaped(found, start) if found != "b" else 8


def _folded(low: int, high: int) -> list[int]:
    pairs = []
    for point in range(low, min(high, low + 2000) + 1):
        for form in (chr(point).lower(), chr(point).upper()):
            if len(form) == 1 and not low <= ord(form) <= high:
                pairs += [ord(form), ord(form)]
    return pairs

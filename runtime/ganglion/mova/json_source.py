# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads JSON, and what people write in place of it (JSON5: comments, trailing commas, loose quotes), with positions."""

import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.source import MAX_DEPTH, MAX_VALUES, Map, Report, Seq
from ganglion.mova.values import WrongNumberError, whole_or_float

_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PLAIN = re.compile(r'"([^"\\\x00-\x1f]*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SINGLE = re.compile(r"'((?:[^'\\\n]|\\.)*)'")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_WORDS = {"true": True, "false": False, "null": None}


class _BrokenError(Exception):
    def __init__(self, code: str, offset: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.finding = (code, Place("", offset), message, hint)


def read(text: str, report: Report) -> Any:
    """The value of the text; None, with a diagnostic in the report, where it has none."""
    reader = _Reader(text, report)
    try:
        value, end = reader.value(reader.space(0), 0)
        if reader.space(end) < len(text):
            raise _BrokenError("MV001", reader.space(end), "something stands after the end of the document")
    except _BrokenError as broken:
        report.add(*broken.finding)
        return None
    if reader.loose is not None:
        report.add(
            "MV005",
            Place("", reader.loose),
            "this is JSON5, which few other tools read",
            "leave out comments and trailing commas, and put names and text in double quotes",
        )
    return value


class _Reader:
    def __init__(self, text: str, report: Report) -> None:
        self.text = text
        self.report = report
        self.loose: int | None = None
        self._left = MAX_VALUES

    def space(self, at: int) -> int:
        """The offset of what comes after white space and comments."""
        text = self.text
        while True:
            match = _SPACE.match(text, at)
            assert match is not None  # the pattern matches nothing, too
            at = match.end()
            if text[at : at + 1] != "/":
                return at
            comment = _COMMENT.match(text, at)
            if comment is None:
                raise _BrokenError(
                    "MV001", at, "a comment that does not end" if text[at : at + 2] == "/*" else "a lone /"
                )
            self._allow(at)
            at = comment.end()

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        self._left -= 1
        if self._left < 0:
            raise _BrokenError("MV003", at, f"more than {MAX_VALUES} values, and a document may not have more")
        first = self.text[at : at + 1]
        if first == "{" or first == "[":
            if depth >= MAX_DEPTH:
                raise _BrokenError("MV003", at, f"deeper than {MAX_DEPTH} levels, and a document may not be deeper")
            return self._map(at, depth + 1) if first == "{" else self._list(at, depth + 1)
        if first == '"' or first == "'":
            return self._string(at)
        if match := _NUMBER.match(self.text, at):
            try:
                return whole_or_float(match[0]), match.end()
            except WrongNumberError as error:
                self.report.add("MV008", Place("", at), str(error))
                return None, match.end()
        if (match := _NAME.match(self.text, at)) and match[0] in _WORDS:
            return _WORDS[match[0]], match.end()
        if not first:
            raise _BrokenError("MV001", at, "the document ends where a value is needed")
        word = match[0] if match else first
        raise _BrokenError("MV001", at, f"{word!r} where a value is needed", "text stands in double quotes")

    def _map(self, at: int, depth: int) -> tuple[Map, int]:
        made = Map(at)
        start = at
        at = self.space(at + 1)
        while self.text[at : at + 1] != "}":
            key_at = at
            key, at = self._key(at, start)
            at = self.space(at)
            if self.text[at : at + 1] != ":":
                raise _BrokenError("MV001", at, f"no colon after the key {key!r}")
            at = self.space(at + 1)
            value_at = at
            value, at = self.value(at, depth)
            if key in made:
                line, _ = self.report.position(made.keys_at[key])
                self.report.add("MV002", Place(key, key_at), f"the key {key!r} stands here again, after line {line}")
            else:
                made.put(key, key_at, value, value_at)
            at = self._next(at, "}", start)
        return made, at + 1

    def _list(self, at: int, depth: int) -> tuple[Seq, int]:
        made = Seq(at)
        start = at
        at = self.space(at + 1)
        while self.text[at : at + 1] != "]":
            value, end = self.value(at, depth)
            made.put(value, at)
            at = self._next(self.space(end), "]", start)
        return made, at + 1

    def _next(self, at: int, closing: str, start: int) -> int:
        """The offset of the next item or of the closing bracket."""
        at = self.space(at)
        found = self.text[at : at + 1]
        if found == closing:
            return at
        if found != ",":
            line, column = self.report.position(start)
            what = f"{found!r}" if found else "the end of the document"
            raise _BrokenError(
                "MV001", at, f"{what} where a comma or {closing} is needed", f"opened in line {line}, column {column}"
            )
        comma = at
        at = self.space(at + 1)
        if self.text[at : at + 1] == closing:
            self._allow(comma)
        return at

    def _key(self, at: int, start: int) -> tuple[str, int]:
        if self.text[at : at + 1] in ('"', "'"):
            return self._string(at)
        match = _NAME.match(self.text, at)
        if match is None:
            line, column = self.report.position(start)
            raise _BrokenError(
                "MV001", at, "no key where one is needed", f"the map opens in line {line}, column {column}"
            )
        self._allow(at)
        return match[0], match.end()

    def _string(self, at: int) -> tuple[str, int]:
        if match := _PLAIN.match(self.text, at):
            return match[1], match.end()
        if self.text[at] == "'":
            match = _SINGLE.match(self.text, at)
            if match is None:
                raise _BrokenError("MV001", at, "a text that does not end on its line")
            self._allow(at)
            inner = match[1].replace("\\'", "'").replace('"', '\\"')
            return self._scan(f'"{inner}"', 1, at)[0], match.end()
        return self._scan(self.text, at + 1, at)

    def _scan(self, text: str, begin: int, at: int) -> tuple[str, int]:
        try:
            value, end = scanstring(text, begin, True)
        except JSONDecodeError as error:
            raise _BrokenError("MV001", at, f"a text that cannot be read: {error.msg}") from None
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _BrokenError("MV001", at, "a text with half of a surrogate pair") from None
        return value, end

    def _allow(self, at: int) -> None:
        if self.loose is None:
            self.loose = at

# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads JSON, and what people write in place of it (JSON5: comments, trailing commas, loose quotes), with positions."""

import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from ganglion.mova.diagnostic import Place
from ganglion.mova.source import MAX_DEPTH, MAX_VALUES, Map, Report, Seq
from ganglion.mova.values import WrongNumberError, whole_or_float
from ganglion.words import _

_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PLAIN = re.compile(r'"([^"\\\x00-\x1f]*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SINGLE = re.compile(r"'((?:[^'\\\n]++|\\.)*+)'")  # possessive, else each piece is remembered
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
            raise _BrokenError("MV001", reader.space(end), _("something stands after the end of the document"))
    except _BrokenError as broken:
        report.add(*broken.finding)
        return None
    if reader.loose is not None:
        report.add(
            "MV005",
            Place("", reader.loose),
            _("this is JSON5, which few other tools read"),
            _("leave out comments and trailing commas, and put names and text in double quotes"),
        )
    return value


def _why(wrong: str) -> str:
    """Our sentence for one of those of `scanstring`."""
    if wrong.startswith("Unterminated"):
        return _("a text that does not end")
    if wrong.startswith("Invalid control"):
        return _("a line break or another control character in a text")
    return _("an escape in a text that JSON does not have")


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
                message = _("a comment that does not end") if text[at : at + 2] == "/*" else _("a lone /")
                raise _BrokenError("MV001", at, message)
            self._allow(at)
            at = comment.end()

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        self._left -= 1
        if self._left < 0:
            sentence = _("more than {most} values, and a document may not have more")
            raise _BrokenError("MV003", at, sentence.format(most=MAX_VALUES))
        first = self.text[at : at + 1]
        if first == "{" or first == "[":
            if depth >= MAX_DEPTH:
                sentence = _("deeper than {most} levels, and a document may not be deeper")
                raise _BrokenError("MV003", at, sentence.format(most=MAX_DEPTH))
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
            raise _BrokenError("MV001", at, _("the document ends where a value is needed"))
        word = match[0] if match else first
        message = _("{found} where a value is needed").format(found=repr(word))
        raise _BrokenError("MV001", at, message, _("text stands in double quotes"))

    def _map(self, at: int, depth: int) -> tuple[Map, int]:
        made = Map(at)
        start = at
        at = self.space(at + 1)
        while self.text[at : at + 1] != "}":
            key_at = at
            key, at = self._key(at, start)
            at = self.space(at)
            if self.text[at : at + 1] != ":":
                raise _BrokenError("MV001", at, _("no colon after the key {key!r}").format(key=key))
            at = self.space(at + 1)
            value_at = at
            value, at = self.value(at, depth)
            if key in made:
                line = self.report.position(made.keys_at[key])[0]
                sentence = _("the key {key!r} stands here again, after line {line}")
                self.report.add("MV002", Place(key, key_at), sentence.format(key=key, line=line))
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
            raise _BrokenError(
                "MV001",
                at,
                _("{found} where a comma or {closing!r} is needed").format(
                    found=repr(found) if found else _("the end of the document"), closing=closing
                ),
                _("opened in line {line}, column {column}").format(line=line, column=column),
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
                "MV001",
                at,
                _("no key where one is needed"),
                _("opened in line {line}, column {column}").format(line=line, column=column),
            )
        self._allow(at)
        return match[0], match.end()

    def _string(self, at: int) -> tuple[str, int]:
        if match := _PLAIN.match(self.text, at):
            return match[1], match.end()
        if self.text[at] == "'":
            match = _SINGLE.match(self.text, at)
            if match is None:
                raise _BrokenError("MV001", at, _("a text that does not end on its line"))
            self._allow(at)
            inner = match[1].replace("\\'", "'").replace('"', '\\"')
            return self._scan(f'"{inner}"', 1, at)[0], match.end()
        return self._scan(self.text, at + 1, at)

    def _scan(self, text: str, begin: int, at: int) -> tuple[str, int]:
        try:
            value, end = scanstring(text, begin, True)
        except JSONDecodeError as error:
            raise _BrokenError("MV001", at, _why(error.msg)) from None
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _BrokenError("MV001", at, _("a text with half of a surrogate pair")) from None
        return value, end

    def _allow(self, at: int) -> None:
        if self.loose is None:
            self.loose = at

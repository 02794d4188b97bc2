# SPDX-License-Identifier: GPL-3.0-or-later
"""`re`: MicroPython's regular expressions on CPython's engine; what they read otherwise is rewritten."""

import re as _re
from collections.abc import Callable
from typing import Any

#: Accepted; nothing is printed.
DEBUG = 4096

_Replacement = str | Callable[["_Match"], str]


class _Match:
    """What a pattern found."""

    def __init__(self, found: _re.Match[Any]) -> None:
        self._found = found

    def group(self, number: int = 0) -> Any:
        """The text of a group; None where it took no part.

        Raises:
            IndexError: no such group.
        """
        try:
            return self._found.group(number)
        except IndexError:
            raise IndexError(number) from None

    def groups(self) -> tuple[Any, ...]:
        return self._found.groups()

    def start(self, number: int = 0) -> int:
        return self._found.start(number)

    def end(self, number: int = 0) -> int:
        return self._found.end(number)

    def span(self, number: int = 0) -> tuple[int, int]:
        return self._found.span(number)


class _Pattern:
    """A compiled expression."""

    def __init__(self, pattern: str | bytes) -> None:
        if not isinstance(pattern, str | bytes):
            raise TypeError("can't convert to str")
        text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
        rewritten = _rewritten(text)
        flags = _re.DOTALL | _re.ASCII
        try:
            self._text = _re.compile(rewritten, flags)
            self._bytes = _re.compile(
                rewritten.encode("latin-1" if isinstance(pattern, bytes) else "utf-8"), _re.DOTALL
            )
        except (_re.error, RecursionError):
            raise ValueError("error in regex") from None

    def _for(self, data: Any) -> Any:
        return self._text if isinstance(data, str) else self._bytes

    def match(self, data: Any, *where: int) -> _Match | None:
        found = self._for(data).match(data, *where)
        return found and _Match(found)

    def search(self, data: Any, *where: int) -> _Match | None:
        found = self._for(data).search(data, *where)
        return found and _Match(found)

    def sub(self, replacement: _Replacement, data: Any, count: int = 0, flags: int = 0) -> Any:
        return self._for(data).sub(lambda found: _filled(replacement, _Match(found)), data, count)

    def split(self, data: Any, limit: int = 0) -> list[Any]:
        """The parts between what matches; groups are not among them."""
        if self._text.groups:
            raise NotImplementedError("splitting with sub-captures")
        out, begin = [], 0
        for found in self._for(data).finditer(data):
            if found.end() == found.start():
                break  # an empty match ends it
            out.append(data[begin : found.start()])
            begin = found.end()
            if len(out) == limit:
                break
        return [*out, data[begin:]]


def compile(pattern: str | bytes, flags: int = 0) -> _Pattern:
    """A compiled expression.

    Raises:
        ValueError: it is none.
    """
    return pattern if isinstance(pattern, _Pattern) else _Pattern(pattern)


def match(pattern: Any, data: Any) -> _Match | None:
    return compile(pattern).match(data)


def search(pattern: Any, data: Any) -> _Match | None:
    return compile(pattern).search(data)


def sub(pattern: Any, replacement: _Replacement, data: Any, count: int = 0, flags: int = 0) -> Any:
    return compile(pattern).sub(replacement, data, count)


def _rewritten(text: str) -> str:
    """`$` is the end and nothing before it; of letters behind a backslash only d, s and w mean something."""
    out, i, inside = [], 0, False
    while i < len(text):
        char = text[i]
        if char == "\\" and i + 1 < len(text):
            i += 1
            following = text[i]
            out.append(f"\\{following}" if following in "dDsSwW" else _re.escape(following))
        elif inside:
            inside = char != "]"
            out.append("\\[" if char == "[" else char)
        elif char == "[":
            inside = True
            out.append(char)
        elif text[i : i + 2] == "(?" and text[i + 2 : i + 3] != ":":
            raise ValueError("error in regex")
        elif char == "$":
            out.append("\\Z")
        elif char == "{" or char == "}":
            out.append(f"\\{char}")  # no counted repetition there
        else:
            out.append(char)
        i += 1
    return "".join(out)


def _filled(replacement: _Replacement, found: _Match) -> Any:
    """A replacement with `\\1` and `\\g<1>` filled in."""
    if callable(replacement):
        return replacement(found)
    pattern: Any = r"\\(?:(\d+)|g<(\d+)>|(\\))"
    if isinstance(replacement, bytes):
        pattern = pattern.encode()
    nothing = replacement[:0]
    return _re.sub(pattern, lambda place: place[3] or found.group(int(place[1] or place[2])) or nothing, replacement)

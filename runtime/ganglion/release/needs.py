# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be installed beside a wheel: its `Requires-Dist` and `Requires-Python`, read and compared. Pure.

What PEP 508 and PEP 440 have and wheels of Ganglion use: names, extras, versions by their numbers, and markers. A
device pays for `packaging`, so that is not needed. What cannot be read is refused when the release is made.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.sentences import say

_NEED = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})\s*(?:\[[A-Za-z0-9._, -]*\])?\s*\(?([^;()@]*)\)?\s*(?:;(.*))?", re.DOTALL
)
_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<)\s*(\d{1,6}(?:\.\d{1,6}){0,5})(\.\*)?(?:[A-Za-z.+-][A-Za-z0-9.+-]{0,20})?")
_NUMBERS = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,5}")
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<sign>===|==|~=|!=|>=|<=|>|<)|(?P<paren>[()])|(?P<word>[a-z_]+))""",
)
#: Letters of one, and how deep a marker is nested.
_LONGEST, _DEEP = 500, 8
#: What a marker asks of a machine (PEP 508).
MARKERS = (
    "python_version",
    "python_full_version",
    "os_name",
    "sys_platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform_machine",
    "platform_python_implementation",
    "implementation_name",
    "implementation_version",
    "extra",
)


@dataclass(frozen=True, slots=True)
class Need:
    """One requirement.

    Attributes:
        name: Of a distribution, in small letters and with `-` alone; `python` for Python itself.
        versions: The signs with their numbers; whether any that begin so are meant (`==1.2.*`).
        marker: Where it is needed; "" for everywhere.
    """

    name: str
    versions: tuple[tuple[str, tuple[int, ...], bool], ...]
    marker: str

    @classmethod
    def read(cls, text: str, *, where: str) -> "Need":
        """From the text of a `Requires-Dist`.

        Raises:
            InvalidError: it cannot be read, or names an address to fetch from.
        """
        match = _NEED.fullmatch(text.strip()) if len(text) <= _LONGEST else None
        if match is None:
            raise InvalidError(say("needs {text!r}, which is no name with versions", text=text[:80]), where=where)
        clauses = []
        for part in filter(None, map(str.strip, match[2].split(","))):
            clause = _CLAUSE.fullmatch(part)
            if clause is None:
                raise InvalidError(
                    say("needs {text!r}, of which {part!r} is no version", text=text[:80], part=part), where=where
                )
            clauses.append((clause[1], tuple(map(int, clause[2].split("."))), clause[3] is not None))
        marker = (match[3] or "").strip()
        found = cls(canonical(match[1]), tuple(clauses), marker)
        if marker:
            try:
                holds(marker, dict.fromkeys(MARKERS, ""))
            except ValueError as error:
                raise InvalidError(
                    say("needs {text!r}: {why}", text=text[:80], why=sentences.of(error)), where=where
                ) from None
        return found

    def is_wanted(self, environment: Mapping[str, str]) -> bool:
        """Whether it is needed there; without any extra."""
        return not self.marker or holds(self.marker, environment)

    def takes(self, version: str) -> bool:
        """Whether this version will do."""
        match = _NUMBERS.match(version)
        if match is None:
            return False
        have = tuple(map(int, match[0].split(".")))
        return all(_compare(have, sign, wanted, any_that) for sign, wanted, any_that in self.versions)

    def __str__(self) -> str:
        """Without its marker."""
        signs = [
            f"{sign}{'.'.join(map(str, numbers))}{'.*' if any_that else ''}"
            for sign, numbers, any_that in self.versions
        ]
        return f"{self.name}{','.join(signs)}"


def canonical(name: str) -> str:
    """The name of a distribution, one way of writing it for all."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _compare(have: tuple[int, ...], sign: str, wanted: tuple[int, ...], any_that: bool) -> bool:
    begins = (*have, *(0,) * len(wanted))[: len(wanted)] == wanted
    if any_that and sign in ("==", "!="):
        return begins is (sign == "==")
    size = max(len(have), len(wanted))
    ours, theirs = ((*one, *(0,) * (size - len(one))) for one in (have, wanted))
    if sign == "~=":
        return ours >= theirs and have[: len(wanted) - 1] == wanted[:-1]
    compared: dict[str, bool] = {
        ">=": ours >= theirs,
        "<=": ours <= theirs,
        ">": ours > theirs,
        "<": ours < theirs,
        "==": ours == theirs,
        "!=": ours != theirs,
    }
    return compared[sign]


def holds(marker: str, environment: Mapping[str, str]) -> bool:
    """Whether a marker holds.

    Raises:
        ValueError: it is none.
    """
    found, at = [], 0
    while at < len(marker):
        if not marker[at:].strip():
            break
        match = _TOKEN.match(marker, at)
        if match is None:
            raise ValueError(say("{word!r} is no part of a marker", word=marker[at : at + 20]))
        found.append(match[0].strip())
        at = match.end()
    reader = _Reader(found, environment)
    result = reader.any(0)
    if reader.at != len(found):
        raise ValueError(say("{word!r} stands behind the end of a marker", word=found[reader.at]))
    return result


class _Reader:
    """The words of a marker, from the first to the last."""

    def __init__(self, words: list[str], environment: Mapping[str, str]) -> None:
        self._words = words
        self._environment = environment
        self.at = 0

    def _next(self) -> str:
        if self.at >= len(self._words):
            raise ValueError(say("a marker ends too early"))
        self.at += 1
        return self._words[self.at - 1]

    def _is(self, word: str) -> bool:
        return self.at < len(self._words) and self._words[self.at] == word

    def any(self, deep: int) -> bool:
        """`a or b`."""
        return self._joined("or", lambda: self._all(deep), any)

    def _all(self, deep: int) -> bool:
        return self._joined("and", lambda: self._one(deep), all)

    def _joined(self, word: str, read: Callable[[], bool], join: Callable[[list[bool]], bool]) -> bool:
        found = [read()]
        while self._is(word):
            self.at += 1
            found.append(read())
        return join(found)

    def _one(self, deep: int) -> bool:
        if self._is("("):
            if deep == _DEEP:
                raise ValueError(say("a marker is nested too deep"))
            self.at += 1
            found = self.any(deep + 1)
            if self._next() != ")":
                raise ValueError(say("a marker lacks a )"))
            return found
        left, sign = self._next(), self._next()
        if sign == "not":
            sign = f"not {self._next()}"
        right = self._next()
        return _holds(self._value(left), sign, self._value(right), is_version="python" in f"{left}{right}")

    def _value(self, word: str) -> str:
        if word[:1] in ("'", '"'):
            return word[1:-1]
        if word not in MARKERS:
            raise ValueError(say("{word!r} is nothing that a marker asks", word=word))
        return self._environment.get(word, "")


def _holds(left: str, sign: str, right: str, *, is_version: bool) -> bool:
    match sign:
        case "in":
            return left in right
        case "not in":
            return left not in right
        case "===":
            return left == right
    if is_version and _NUMBERS.fullmatch(left) and (clause := _CLAUSE.fullmatch(f"{sign}{right}")) is not None:
        wanted = tuple(map(int, clause[2].split(".")))
        return _compare(tuple(map(int, left.split("."))), sign, wanted, clause[3] is not None)
    match sign:
        case "==" | "~=":
            return left == right
        case "!=":
            return left != right
        case ">=" | "<=" | ">" | "<":
            return False  # of words that are no versions
    raise ValueError(say("{sign!r} compares nothing", sign=sign))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps and lists that know where in the text they and their parts stand, and the report that collects findings."""

import re
from array import array
from bisect import bisect_right
from typing import Any

from ganglion.mova.diagnostic import CODES, Diagnostic, Place, Severity
from ganglion.words import _

#: Bytes of a document. Above it something is wrong: the largest real one is 30 KiB.
MAX_BYTES = 10_000_000
#: Maps and lists inside one another; a plan may have 16 levels (CBOR), a document a few more around it.
MAX_DEPTH = 64
#: Values in a document, aliases counted as what they stand for.
MAX_VALUES = 250_000
#: Errors that are told of one document, and as many warnings and hints.
MAX_FINDINGS = 1000
#: Characters of a message or path, which may quote the document.
MAX_QUOTED = 500

_LETTERS = re.compile(r"[A-Za-z]+")
_LINE = re.compile(r"\r\n|\n|\r")


class Map(dict[str, Any]):
    """A map of the document. `keys_at` and `values_at` give the offset of each key and value, `offset` its own."""

    __slots__ = ("keys_at", "offset", "values_at")

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.offset = offset
        self.keys_at: dict[str, int] = {}
        self.values_at: dict[str, int] = {}

    def put(self, key: str, key_offset: int, value: Any, offset: int) -> None:
        """Adds one pair with its places."""
        self[key] = value
        self.keys_at[key] = key_offset
        self.values_at[key] = offset


class Seq(list[Any]):
    """A list of the document. `values_at` gives the offset of each item, `offset` its own."""

    __slots__ = ("offset", "values_at")

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.offset = offset
        self.values_at: list[int] = []

    def put(self, value: Any, offset: int) -> None:
        """Adds one item with its place."""
        self.append(value)
        self.values_at.append(offset)


def inside(place: Place, container: Any, key: Any) -> Place:
    """The place of an item of a list, or of the value under a key of a map; of the map where the key is missing."""
    if isinstance(container, Seq):
        return Place(f"{place.path}[{key}]", container.values_at[key])
    path = f"{place.path}.{key}" if place.path else str(key)
    return Place(path, container.values_at.get(key, container.offset))


def at_key(place: Place, container: Map, key: str) -> Place:
    """The place of a key itself."""
    return Place(f"{place.path}.{key}" if place.path else key, container.keys_at[key])


class Report:
    """Collects diagnostics for one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: array[int] | None = None
        self._errors = self._others = 0
        self.diagnostics: list[Diagnostic] = []

    def add(self, code: str, place: Place, message: str, hint: str = "") -> None:
        """Adds one finding, while there are not too many of its kind."""
        if CODES[code][0] is Severity.ERROR:
            self._errors += 1
            if self._errors == MAX_FINDINGS:
                code, message, hint = "MV009", _("more is wrong from here on"), _("mend first what is told before this")
            elif self._errors > MAX_FINDINGS:
                return
        else:
            self._others += 1
            if self._others > MAX_FINDINGS:
                return
        line, column = self.position(place.offset)
        self.diagnostics.append(
            Diagnostic(
                code=code,
                severity=CODES[code][0],
                path=_short(place.path),
                line=line,
                column=column,
                message=_short(message),
                hint=_short(hint),
            )
        )

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        if self._lines is None:
            self._lines = array("I", [0])
            self._lines.extend(match.end() for match in _LINE.finditer(self._text))
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def word(self, offset: int) -> str:
        """The letters that stand there: what the author wrote for true or false; empty where it is something else."""
        found = _LETTERS.match(self._text, offset)
        return "" if found is None else found[0]

    @property
    def failed(self) -> bool:
        """Whether one of them is an error."""
        return any(each.severity is Severity.ERROR for each in self.diagnostics)


def _short(text: str) -> str:
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"

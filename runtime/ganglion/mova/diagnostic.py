# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a document, and where: the codes, and the diagnostics that carry them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ganglion.errors import InvalidError


class Severity(StrEnum):
    """`error` makes a document invalid; `warning` is likely a mistake; `hint` says how to write it better."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


#: code -> (severity, what it says). A code is never given another meaning; docs/mova-diagnostics.md explains each.
CODES: dict[str, tuple[Severity, str]] = {
    "MV001": (Severity.ERROR, "the text is not YAML or JSON"),
    "MV002": (Severity.ERROR, "a key stands twice in one map"),
    "MV003": (Severity.ERROR, "the document is larger or deeper than a document may be"),
    "MV004": (Severity.ERROR, "YAML that a MOVA document may not use"),
    "MV005": (Severity.HINT, "JSON with comments, trailing commas or loose quotes"),
    "MV006": (Severity.HINT, "the version is written as a number"),
    "MV007": (Severity.HINT, "yes, no, on and off are read as true and false"),
    "MV008": (Severity.ERROR, "a number that not every home of a script can hold"),
    "MV101": (Severity.ERROR, "a required key is missing"),
    "MV102": (Severity.ERROR, "a value is of the wrong type"),
    "MV103": (Severity.ERROR, "an unknown key in the edge dialect"),
    "MV104": (Severity.ERROR, "a value is none of those allowed"),
    "MV105": (Severity.ERROR, "an identifier has characters that it may not have"),
    "MV106": (Severity.ERROR, "the version is not supported"),
    "MV107": (Severity.ERROR, "the dialect is not known"),
    "MV108": (Severity.ERROR, "the form of the document cannot be told"),
    "MV109": (Severity.ERROR, "a duration that cannot be read"),
    "MV110": (Severity.ERROR, "something that may not be empty is empty"),
    "MV111": (Severity.ERROR, "a key of the edge dialect in a document that does not ask for it"),
    "MV112": (Severity.ERROR, "a number is out of its range"),
    "MV113": (Severity.ERROR, "keys that exclude one another, or none of several that are needed"),
    "MV114": (Severity.WARNING, "an unknown key that looks like a misspelt one"),
    "MV201": (Severity.ERROR, "an identifier or name is used twice"),
    "MV202": (Severity.ERROR, "a step that is named does not exist"),
    "MV203": (Severity.ERROR, "a tool that is named does not exist"),
    "MV204": (Severity.ERROR, "a protocol that is named does not exist"),
    "MV205": (Severity.ERROR, "a preset that is named does not exist"),
    "MV206": (Severity.ERROR, "a sensor or actuator is used that `requires` does not list"),
    "MV207": (Severity.ERROR, "an expression cannot be read"),
    "MV208": (Severity.ERROR, "a value does not fit its operator"),
    "MV210": (Severity.ERROR, "a schema that a device cannot check"),
    "MV211": (Severity.ERROR, "a topic that cannot be used"),
    "MV301": (Severity.ERROR, "a trigger that a node does not carry out yet"),
    "MV302": (Severity.ERROR, "a part of the language that the engine does not carry out yet"),
    "MV303": (Severity.ERROR, "the plan is larger or deeper than a plan may be"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its path, as in `protocols[0].steps[2].next_step`, and its offset in the text."""

    path: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: A key of `CODES`.
        severity: From `CODES`.
        path: As in `protocols[0].steps[2].next_step`; empty for the document.
        line: Counted from 1.
        column: In characters, counted from 1.
        message: One sentence that names the thing.
        hint: What to do about it; empty where nothing is known.
    """

    code: str
    severity: Severity
    path: str
    line: int
    column: int
    message: str
    hint: str = ""

    def data(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "hint": self.hint,
        }

    def text(self, file: str) -> str:
        """As people read it: `FILE:LINE:COL: severity MVxxx message (hint)`."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{file}:{self.line}:{self.column}: {self.severity} {self.code} {self.message}{hint}"


class DocumentError(InvalidError):
    """A document that cannot be used. The sentence is that of its first error; `diagnostics` has all."""

    def __init__(self, file: str, diagnostics: list[Diagnostic]) -> None:
        first = next(each for each in diagnostics if each.severity is Severity.ERROR)
        hint = f" ({first.hint})" if first.hint else ""
        super().__init__(f"{first.code} {first.message}{hint}", where=f"{file}:{first.line}:{first.column}")
        self.diagnostics = diagnostics

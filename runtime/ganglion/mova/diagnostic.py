# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a document, and where: the codes, and the diagnostics that carry them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError
from ganglion.words import _

if TYPE_CHECKING:
    from ganglion.mova.load import Document


class Severity(StrEnum):
    """`error` makes a document invalid; `warning` is likely a mistake; `hint` says how to write it better."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"

    def shown(self) -> str:
        """As people read it."""
        return {Severity.ERROR: _("error"), Severity.WARNING: _("warning"), Severity.HINT: _("hint")}[self]


#: code -> (severity, what it says). A code is never given another meaning; docs/mova-diagnostics.md explains each.
CODES: dict[str, tuple[Severity, str]] = {
    "MV001": (Severity.ERROR, _("the text is not YAML or JSON")),
    "MV002": (Severity.ERROR, _("a key stands twice in one map")),
    "MV003": (Severity.ERROR, _("the document is larger or deeper than a document may be")),
    "MV004": (Severity.ERROR, _("YAML that a MOVA document may not use")),
    "MV005": (Severity.HINT, _("JSON with comments, trailing commas or loose quotes")),
    "MV006": (Severity.HINT, _("the version is written as a number")),
    "MV007": (Severity.HINT, _("yes, no, on and off are read as true and false")),
    "MV008": (Severity.ERROR, _("a number that not every home of a script can hold")),
    "MV009": (Severity.ERROR, _("more is wrong than is told")),
    "MV101": (Severity.ERROR, _("a required key is missing")),
    "MV102": (Severity.ERROR, _("a value is of the wrong type")),
    "MV103": (Severity.ERROR, _("an unknown key in the edge dialect")),
    "MV104": (Severity.ERROR, _("a value is none of those allowed")),
    "MV105": (Severity.ERROR, _("an identifier has characters that it may not have")),
    "MV106": (Severity.ERROR, _("the version is not supported")),
    "MV107": (Severity.ERROR, _("the dialect is not known")),
    "MV108": (Severity.ERROR, _("the form of the document cannot be told")),
    "MV109": (Severity.ERROR, _("a duration that cannot be read")),
    "MV110": (Severity.ERROR, _("something that may not be empty is empty")),
    "MV111": (Severity.ERROR, _("a key of the edge dialect in a document that does not ask for it")),
    "MV112": (Severity.ERROR, _("a number or a duration is out of its range")),
    "MV113": (Severity.ERROR, _("keys that exclude one another, or none of several that are needed")),
    "MV114": (Severity.WARNING, _("an unknown key that looks like a misspelt one")),
    "MV115": (Severity.WARNING, _("a key in both of its spellings, which say different things")),
    "MV116": (Severity.WARNING, _("a language that is no code of two letters")),
    "MV201": (Severity.ERROR, _("an identifier or name is used twice")),
    "MV202": (Severity.ERROR, _("a step that is named does not exist")),
    "MV203": (Severity.ERROR, _("a tool that is named does not exist")),
    "MV204": (Severity.ERROR, _("a protocol that is named does not exist")),
    "MV205": (Severity.ERROR, _("a preset that is named does not exist")),
    "MV206": (Severity.ERROR, _("a sensor or actuator is used that `requires` does not list")),
    "MV207": (Severity.ERROR, _("an expression cannot be read")),
    "MV208": (Severity.ERROR, _("a value does not fit its operator")),
    "MV209": (Severity.ERROR, _("a schedule that cannot be read")),
    "MV210": (Severity.ERROR, _("a schema that a device cannot check")),
    "MV211": (Severity.ERROR, _("a topic that cannot be used")),
    "MV212": (Severity.ERROR, _("a pattern of an intent that cannot be used")),
    "MV213": (Severity.ERROR, _("an intent that is named does not exist")),
    "MV214": (Severity.ERROR, _("credentials that do not fit their type")),
    "MV215": (Severity.ERROR, _("credentials for a host that the document does not name")),
    "MV216": (Severity.ERROR, _("a secret where it would be seen")),
    "MV217": (Severity.WARNING, _("a test expects what nothing in the document does")),
    "MV218": (Severity.WARNING, _("a word that YAML reads as true or false is compared")),
    "MV219": (Severity.WARNING, _("a test that cannot fail, or does not say what it seems to")),
    "MV220": (Severity.WARNING, _("a tool whose URL no request can go to")),
    "MV303": (Severity.ERROR, _("the plan is larger or deeper than a plan may be")),
    "MV401": (Severity.WARNING, _("a step that is never reached")),
    "MV402": (Severity.WARNING, _("steps that go round in a circle in which nothing waits or asks")),
    "MV403": (Severity.WARNING, _("a condition that decides nothing")),
    "MV404": (Severity.WARNING, _("a protocol that nothing runs")),
    "MV405": (Severity.HINT, _("a part that nothing uses")),
    "MV406": (Severity.WARNING, _("a variable that nothing sets")),
    "MV407": (Severity.HINT, _("a variable that whoever runs the document has to give")),
    "MV408": (Severity.WARNING, _("a secret in clear")),
    "MV409": (Severity.WARNING, _("a call over plain http to a public host")),
    "MV410": (Severity.HINT, _("a prompt that fails its protocol where there is no model")),
    "MV411": (Severity.HINT, _("a prompt whose cost nothing bounds")),
    "MV412": (Severity.HINT, _("what must arrive is published very often")),
    "MV413": (Severity.WARNING, _("a sensor without a channel")),
    "MV414": (Severity.HINT, _("a place in the session that no expression can name")),
    "MV415": (Severity.WARNING, _("an `otherwise` that is not what its schema asks for")),
}


def explained(code: str) -> str:
    """What a code says, as people read it."""
    sentence = CODES[code][1]
    return _(sentence)


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
        return f"{file}:{self.line}:{self.column}: {self.severity.shown()} {self.code} {self.message}{hint}"


def report(document: "Document", diagnostics: list[Diagnostic]) -> dict[str, Any]:
    """What was found in a document, as `--json` prints it."""
    return {
        "file": document.file,
        "form": document.form or None,
        "version": document.version or None,
        "valid": all(each.severity is not Severity.ERROR for each in diagnostics),
        "diagnostics": [each.data() for each in diagnostics],
    }


class DocumentError(InvalidError):
    """A document that cannot be used. The sentence is that of its first error; `diagnostics` has all."""

    def __init__(self, document: "Document", diagnostics: list[Diagnostic]) -> None:
        first = next(each for each in diagnostics if each.severity is Severity.ERROR)
        hint = f" ({first.hint})" if first.hint else ""
        super().__init__(f"{first.code} {first.message}{hint}", where=f"{document.file}:{first.line}:{first.column}")
        self.document = document
        self.diagnostics = diagnostics

    def data(self) -> dict[str, Any]:
        """With the report that `mova check` gives of the document."""
        return {"valid": False, "files": [report(self.document, self.diagnostics)]} | super().data()

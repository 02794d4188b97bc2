# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a document, JSON or YAML, flat or in classes, with the place of every value in the text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.errors import NotFoundError
from ganglion.mova import json_source, yaml_source
from ganglion.mova.diagnostic import Place
from ganglion.mova.source import MAX_BYTES, Map, Report
from ganglion.words import _

VERSIONS = ("2.0", "2.1", "2.2")
DIALECT = "edge/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as it was read. `check` says whether it is right.

    Attributes:
        file: What messages call it.
        text: The text it was read from.
        root: Its top-level map; None where the text has none, and `report` says why.
        form: `flat`, `classes`, or `` where it cannot be told.
        version: As text; `` where it is missing or not one that is known.
        edge: Whether it asks for the edge dialect.
        report: What was found while it was read.
    """

    file: str
    text: str
    root: Map | None
    form: str
    version: str
    edge: bool
    report: Report


def load(source: Path | str | bytes, *, file: str = "") -> Document:
    """Reads a file, or text that is given.

    Args:
        source: A path, or the text of a document, which bytes are in UTF-8.
        file: What messages call it; the path where it is one.

    Raises:
        NotFoundError: there is no such file, or it cannot be opened.
    """
    if isinstance(source, Path):
        return _decoded(_read(source), file or str(source))
    if isinstance(source, bytes):
        return _decoded(source, file or "<text>")
    return _document(source, file or "<text>")


def is_json(text: str, file: str) -> bool:
    """Whether a text is read as JSON: the end of its file's name says so, else its first character."""
    name = file.lower()
    if name.endswith((".json", ".json5")):
        return True
    return not name.endswith((".yaml", ".yml")) and text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(_("{path}: there is no such file").format(path=path)) from None
    except OSError as error:
        raise NotFoundError(f"{path}: {error.strerror}") from None


def _decoded(data: bytes, file: str) -> Document:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Cut in the middle of a character is the limit's doing, which _document reports.
        if len(data) <= MAX_BYTES:
            report = Report(data[: error.start].decode("utf-8-sig"))
            report.add("MV001", Place("", error.start), _("the file is not UTF-8 text"))
            return _empty(file, report)
        text = data.decode("utf-8-sig", "replace")
    return _document(text, file)


def _empty(file: str, report: Report) -> Document:
    return Document(file=file, text="", root=None, form="", version="", edge=False, report=report)


def _document(text: str, file: str) -> Document:
    report = Report(text)
    whole = Place("", 0)
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        sentence = _("larger than {most} MB, and a document may not be larger")
        report.add("MV003", whole, sentence.format(most=MAX_BYTES // 1_000_000))
        return _empty(file, report)
    root = (json_source if is_json(text, file) else yaml_source).read(text, report)
    if not isinstance(root, Map):
        if not report.diagnostics:
            report.add("MV108", whole, _("the document is not a map with `version` and its parts at the top"))
        return Document(file=file, text=text, root=None, form="", version="", edge=False, report=report)
    version = root.get("version")
    if isinstance(version, float) and str(version) in VERSIONS:
        report.add(
            "MV006",
            Place("version", root.values_at["version"]),
            _("version is a number"),
            _('write version: "{version}"').format(version=version),
        )
        version = str(version)
    return Document(
        file=file,
        text=text,
        root=root,
        form=_form(root),
        version=version if isinstance(version, str) and version in VERSIONS else "",
        edge=root.get("dialect") == DIALECT,
        report=report,
    )


_FLAT = ("intents", "protocols", "tools", "instructions", "profiles", "sessions", "contracts")


def _form(root: dict[str, Any]) -> str:
    flat = any(key in root for key in _FLAT)
    if "classes" in root:
        return "" if flat else "classes"
    return "flat"

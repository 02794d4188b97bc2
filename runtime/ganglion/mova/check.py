# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a document: its shape against the vocabulary, then what its parts say of one another."""

from collections.abc import Collection, Iterator

from ganglion.mova import vocabulary
from ganglion.mova.check_condition import check_conditions
from ganglion.mova.check_intents import check_intents
from ganglion.mova.check_step import check_step
from ganglion.mova.check_tests import check_tests
from ganglion.mova.check_tools import check_tools
from ganglion.mova.check_trigger import check_trigger
from ganglion.mova.diagnostic import Diagnostic, DocumentError, Place, Severity
from ganglion.mova.load import DIALECT, VERSIONS, Document
from ganglion.mova.model import Reference, Step, model
from ganglion.mova.names import Names
from ganglion.mova.shape import Context
from ganglion.mova.source import Map, Report, inside
from ganglion.words import _


def refuse(document: Document) -> None:
    """Lets a document pass that is valid.

    Raises:
        DocumentError: it is not; the error has all diagnostics.
    """
    found = check(document)
    if any(each.severity is Severity.ERROR for each in found):
        raise DocumentError(document, found)


def check(document: Document) -> list[Diagnostic]:
    """Everything that is wrong with a document or could be better, in the order of the text."""
    report = Report(document.text)
    report.diagnostics.extend(document.report.diagnostics)
    if document.root is not None:
        _header(document, report)
        if document.form:
            whole = Place("", document.root.offset)
            context = Context(report, document.edge)
            vocabulary.DOCUMENTS[document.form, document.edge].check(document.root, whole, context)
            of = model(document)
            _parts(Names(of, report))
            check_tools(document, of, report)
    # MV007 tells of the first yes, no, on or off; a finding at its place says more.
    told = {(each.line, each.column) for each in report.diagnostics if each.code != "MV007"}
    found = [each for each in report.diagnostics if each.code != "MV007" or (each.line, each.column) not in told]
    return sorted(found, key=lambda each: (each.line, each.column))


def _header(document: Document, report: Report) -> None:
    root = document.root
    assert root is not None
    whole = Place("", root.offset)
    if "version" in root and not document.version:
        report.add(
            "MV106",
            inside(whole, root, "version"),
            _("version {version!r} is not supported").format(version=root["version"]),
            _("supported are {versions}").format(versions=", ".join(VERSIONS)),
        )
    if "dialect" in root and not document.edge:
        report.add(
            "MV107",
            inside(whole, root, "dialect"),
            _("unknown dialect {dialect!r}").format(dialect=root["dialect"]),
            _("known is {dialect}").format(dialect=DIALECT),
        )
    if not document.form:
        report.add(
            "MV108",
            inside(whole, root, "classes"),
            _("the document has `classes` and lists of the flat form beside them"),
            _("use one of the two"),
        )


def _parts(names: Names) -> None:
    """What the parts of a model say of one another."""
    of = names.model
    for what, key, references in of.named:
        names.unique(what, key, references)
    check_intents(names)
    for place, raw in of.parts["profile"]:
        _language(raw, place, names)
        if isinstance(preferences := raw.get("preferences"), Map):
            _language(preferences, inside(place, raw, "preferences"), names)
    for trigger in of.triggers:
        check_trigger(trigger, names)
    for protocol in of.protocols:
        names.unique("step", "id", list(_step_ids(protocol.steps)))
        names.known("MV202", protocol.fallback, {step.id for step in protocol.steps})
        _steps(protocol.steps, names)
    for tool in of.tools:
        mapping = tool.raw.get("response_mapping")
        for target in mapping if isinstance(mapping, dict) else ():
            names.target(target, inside(tool.place, tool.raw, "response_mapping"))
    check_tests(names)


def _language(raw: Map, place: Place, names: Names) -> None:
    """The language that a model is asked to answer in, by its code of ISO 639-1."""
    language = raw.get("language")
    if isinstance(language, str) and not (len(language) == 2 and language.isascii() and language.isalpha()):
        message = _("{text!r} is no code of a language").format(text=language)
        names.report.add("MV116", inside(place, raw, "language"), message, _("two letters of ISO 639-1, as in en"))


def _step_ids(steps: list[Step]) -> Iterator[Reference]:
    """Of a protocol and the branches in it: an episode tells them all."""
    for step in steps:
        if step.id:
            yield Reference(step.id, inside(step.place, step.raw, "id"))
        for branch in step.branches:
            if not isinstance(branch, Reference):
                yield from _step_ids(branch)


def _next(step: Step, known: Collection[str], names: Names) -> None:
    """Where a step goes, in both spellings; of two the first one counts."""
    given = {key: step.raw[key] for key in ("next_step", "next_step_id") if isinstance(step.raw.get(key), str)}
    for key, name in given.items():
        if name:
            names.known("MV202", Reference(name, inside(step.place, step.raw, key)), known)
    if all(given.values()) and len(set(given.values())) > 1:
        message = _("the step goes to {name!r}, which its next_step names, and not here").format(
            name=given["next_step"]
        )
        names.report.add("MV115", inside(step.place, step.raw, "next_step_id"), message, _("keep one of the two"))


def _steps(steps: list[Step], names: Names) -> None:
    """A list of steps, which go to one another and to no other."""
    known: Collection[str] = {step.id for step in steps}
    for step in steps:
        _next(step, known, names)
        check_step(step, names)
        if step.conditions is not None:
            check_conditions(step.conditions, known, names)
        for branch in step.branches:
            if isinstance(branch, Reference):
                names.known("MV204", branch)
            else:
                _steps(branch, names)

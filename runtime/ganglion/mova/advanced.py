# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion mova check --advanced` adds: what is right by the language, and yet likely not what was meant."""

from ganglion.mova.diagnostic import Diagnostic
from ganglion.mova.exposure import exposure
from ganglion.mova.flow import Quick, flow
from ganglion.mova.load import Document
from ganglion.mova.misnamed import misnamed
from ganglion.mova.model import model
from ganglion.mova.recursion import recursion
from ganglion.mova.resilience import resilience
from ganglion.mova.source import Report
from ganglion.mova.usage import usage
from ganglion.mova.variables import variables


def advanced(document: Document) -> list[Diagnostic]:
    """The findings on a valid document, warnings and hints, in the order of the text."""
    report = Report(document.text)
    of = model(document)
    quick = Quick(of)
    for protocol in of.protocols:
        flow(protocol, quick, report)
    recursion(of, quick, report)
    usage(document, of, report)
    variables(document, of, report)
    exposure(document, of, report)
    resilience(document, of, report)
    misnamed(of, report)
    return sorted(report.diagnostics, key=lambda each: (each.line, each.column))

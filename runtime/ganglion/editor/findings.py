# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion mova check` finds, as an editor shows it: over the key or value that is meant."""

from lsprotocol import types

from ganglion.editor.buffer import Buffer
from ganglion.editor.spot import at
from ganglion.editor.tree import Collection
from ganglion.mova.diagnostic import Diagnostic, Severity

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.HINT: types.DiagnosticSeverity.Information,
}


def findings(buffer: Buffer) -> list[types.Diagnostic]:
    """All diagnostics of a text; the hint is the last line of each."""
    return [
        types.Diagnostic(
            range=buffer.positions.range(*_span(buffer, each)),
            message="\n".join(filter(None, (each.message, each.hint))),
            severity=_SEVERITIES[each.severity],
            code=each.code,
            source="mova",
        )
        for each in buffer.diagnostics
    ]


def _span(buffer: Buffer, found: Diagnostic) -> tuple[int, int]:
    """The key or value at the place of a diagnostic; where there is none, the rest of the word."""
    start = buffer.positions.at(found.line, found.column)
    spot = at(buffer.tree, start) if buffer.whole else None
    if spot is not None and spot.node.start == start:
        end = spot.node.end
    else:
        inner = _opened(buffer.tree, start) if buffer.whole else None
        end = start if inner is None else inner.end
    line = buffer.positions.line_end(start)
    if end <= start:
        word = buffer.text[start:line].split(maxsplit=1)
        end = start + (len(word[0]) if word else 0)
    return start, min(max(end, start), line) if line > start else start


def _opened(node: Collection, start: int) -> Collection | None:
    """The collection in brackets that begins there."""
    for entry in node.entries:
        inner = entry.value
        if isinstance(inner, Collection) and inner.start <= start <= inner.end:
            return inner if inner.start == start and inner.flow else _opened(inner, start)
    return None

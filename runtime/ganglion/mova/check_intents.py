# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that the patterns of a document's intents can be found in a text."""

from ganglion.intent.patterns import usable
from ganglion.mova.names import Names
from ganglion.mova.source import Seq, inside
from ganglion.pattern import PatternError
from ganglion.words import _


def check_intents(names: Names) -> None:
    """Reports patterns that cannot be used."""
    for place, raw in names.model.parts["intent"]:
        patterns = raw.get("patterns")
        at = inside(place, raw, "patterns")
        for i, pattern in enumerate(patterns if isinstance(patterns, Seq) else ()):
            if not isinstance(pattern, str) or not pattern:
                continue
            try:
                usable(pattern)
            except PatternError as error:
                message = _("the pattern {pattern!r} cannot be used: {error}").format(pattern=pattern[:60], error=error)
                hint = _("a backslash makes a mark stand for itself")
                names.report.add("MV212", inside(at, patterns, i), message, hint)

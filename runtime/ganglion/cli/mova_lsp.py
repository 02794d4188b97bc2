# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves an editor that speaks the Language Server Protocol."""

import argparse
import sys
from typing import Any

from ganglion import extras


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova lsp`."""
    verbs.add_parser("lsp", parents=[common], help="serve an editor over stdin and stdout (docs/editor.md)")


def served() -> None:
    """Ends the process with 0 where the editor asked for the end before it went, else with 1.

    Raises:
        UsageError: the extra that it needs is not installed.
    """
    extras.need("`ganglion mova lsp`", "editor")
    from ganglion.editor.server import serve

    sys.exit(0 if serve() else 1)

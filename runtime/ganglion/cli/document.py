# SPDX-License-Identifier: GPL-3.0-or-later
"""The document that a command is given: a file, or stdin where it is called `-`."""

import sys
from pathlib import Path

from ganglion.mova.load import Document, load
from ganglion.mova.source import MAX_BYTES

#: How the argument is described.
HELP = "a document, JSON or YAML; - for stdin"


def loaded(file: Path) -> Document:
    """The document. Raises: see `load`."""
    if str(file) == "-":
        return load(sys.stdin.buffer.read(MAX_BYTES + 1), file="<stdin>")
    return load(file)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a document that is to run somewhere: it has passed its own tests."""

from pathlib import Path
from typing import TYPE_CHECKING

from ganglion.errors import InvalidError
from ganglion.mova.load import load

if TYPE_CHECKING:
    from ganglion.mova.plan import Plan


def compiled(file: Path, data: bytes | None = None) -> "Plan":
    """The plan of a script that passes its own tests.

    Args:
        data: What is in the file, where it was read already.

    Raises:
        GanglionError: it is not valid, or fails one of its tests.
    """
    # The other verbs must not pay for what only running needs.
    from ganglion.mova.compile import compile
    from ganglion.mova.trial import run_all

    document = load(file) if data is None else load(data, file=str(file))
    plan = compile(document)
    for number, outcome in enumerate(run_all(document, plan)):
        if outcome.failures:
            assert document.root is not None  # it was compiled
            line, column = document.report.position(document.root["tests"].values_at[number])
            where = f"{document.file}:{line}:{column}"
            raise InvalidError(f"the test {outcome.name!r} fails: {outcome.failures[0]}", where=where)
    return plan

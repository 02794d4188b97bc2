# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of docs/boards.md that says what is in the files of boards."""

from collections.abc import Iterable

from ganglion.board.model import Board
from ganglion.board.rows import OVERVIEW, Table, buses, facts, overview, pins


def page(boards: Iterable[Board]) -> str:
    """Markdown: a table of all, then each with its facts, buses and pins."""
    boards = list(boards)
    parts = ["## The boards", _table((OVERVIEW, [(f"`{each.name}`", *overview(each)[1:]) for each in boards]))]
    for board in boards:
        parts.append(f"### {board.name}")
        parts.append("\n".join(f"- {name}: {text}" for name, text in facts(board)))
        parts += [_table(each) for each in (buses(board), pins(board)) if each[1]]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    head, rows = table
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines)

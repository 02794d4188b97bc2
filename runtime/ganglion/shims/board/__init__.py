# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardware under `machine`: simulated unless a configuration names a real one. There is one in a process."""

from ganglion.shims.board.board import Board
from ganglion.shims.board.sim import SimBoard

_current: Board = SimBoard()


def current() -> Board:
    """The board that `machine` speaks to."""
    return _current


def use(board: Board) -> None:
    """Makes a board the one that `machine` speaks to; what was made before keeps the one it has."""
    global _current
    _current = board

# SPDX-License-Identifier: GPL-3.0-or-later
"""The boards that are known: one TOML file each, in `boards/` of the repository and beside this package in a wheel."""

from ganglion.board.model import Board as Board
from ganglion.board.reading import board as board
from ganglion.board.reading import boards as boards
from ganglion.board.reading import load as load
from ganglion.board.reading import names as names

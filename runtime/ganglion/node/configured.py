# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration names that lies elsewhere: its board, limits, sessions and secrets."""

from urllib.parse import quote, unquote

from ganglion.board import Board, board
from ganglion.board import load as load_board
from ganglion.config import Config
from ganglion.errors import InvalidError, NotFoundError
from ganglion.guardian.restriction import Restriction, Side
from ganglion.mova.secrets import Secrets, from_file
from ganglion.settings import read


def board_of(config: Config) -> Board:
    """The board that the configuration names, or the one of a file of the user's.

    Raises:
        InvalidError: there is no such board, its file is wrong, or it runs no nodes.
    """
    name, where = config.node.board, f"{config.path}: node.board"
    try:
        here = load_board(config.resolve(name)) if name.endswith(".toml") else board(name)
    except NotFoundError as error:
        raise InvalidError(str(error), where=where) from None
    if here.runs != "cpython":
        raise InvalidError(
            f"{name} runs {here.runs}, and this node Python on Linux: name this machine's board, as `ganglion boards "
            "list` has it, or sim",
            where=where,
        )
    return here


def sides(board: Board, config: Config) -> list[Side]:
    """What the board allows, and the configuration.

    Raises:
        InvalidError: a limit of one is wrong.
    """
    limits = [read(Restriction, table, f"{board.name}.toml: limit[{i}]") for i, table in enumerate(board.limit)]
    own = [read(Restriction, table, f"{config.path}: limit[{i}]") for i, table in enumerate(config.limits)]
    return [Side(f"board {board.name}", limits), Side("configuration", own)]


def sessions(config: Config) -> str:
    """URL of where sessions are kept; a file is beside the configuration unless its path is absolute."""
    url = config.node.sessions
    if not url.startswith("sqlite:///"):
        return url
    return f"sqlite:///{quote(str(config.resolve(unquote(url.removeprefix('sqlite:///')))))}"


def secrets(config: Config) -> Secrets:
    """What `{secret.NAME}` stands for in its scripts, as the file has it that it names."""
    name = config.node.secrets
    if name is None:
        return Secrets(place=f'{config.path}: name a file of secrets in [node], as in secrets = "secrets.toml"')
    path = config.resolve(name)
    return Secrets(from_file(path), f"write it into {path} and start the node again")

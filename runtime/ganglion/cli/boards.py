# SPDX-License-Identifier: GPL-3.0-or-later
"""The boards that are known: which there are, what each has, and whether a file of one's own is right."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganglion.board import Board, board, boards, load
from ganglion.board.rows import OVERVIEW, Table, buses, facts, overview, pins
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion boards list|show|check|schema|docs`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    verbs.add_parser("list", parents=[common], help="which boards there are")
    show = verbs.add_parser("show", parents=[common], help="pins, buses, image and flashing of one")
    show.add_argument("name", metavar="NAME", help="as `list` shows it, or a file that ends in .toml")
    check = verbs.add_parser("check", parents=[common], help="say what is wrong with a file of a board")
    check.add_argument(
        "files",
        nargs="*",
        default=[],
        type=Path,
        metavar="FILE",
        help="or a name, as `list` shows it; default: all boards of Ganglion",
    )
    verbs.add_parser("schema", parents=[common], help="the JSON Schema of such a file, for editors")
    verbs.add_parser("docs", parents=[common], help="all boards as a page of Markdown")


def run(args: argparse.Namespace) -> Result:
    """Runs the verb. Exit codes: 0 ok, 1 a file is wrong, 3 no such board or file."""
    match args.verb:
        case "list":
            return _list()
        case "show":
            return _show(args.name)
        case "check":
            from ganglion.cli.boards_check import checked

            return checked(args.files)
        case "schema":
            from ganglion.board.schema import schema

            document = schema()
            return Result(data=document, text=lambda: json.dumps(document, indent=2, ensure_ascii=False))
    from ganglion.board.page import page

    text = page(boards()).rstrip("\n")
    return Result(data={"markdown": text}, text=lambda: text)


def _list() -> Result:
    found = boards()
    keys = ("name", "title", "vendor", "chip", "runs", "mesh", "capabilities")
    data = [{key: getattr(each, key) for key in keys} | {"method": each.flashing.method} for each in found]
    return Result(data={"boards": data}, text=lambda: table(OVERVIEW, [overview(each) for each in found]))


def _show(name: str) -> Result:
    found = load(Path(name)) if name.endswith(".toml") else board(name)
    return Result(data=_data(found), text=lambda: _text(found))


def _data(board: Board) -> dict[str, Any]:
    """What is in the file, without the keys that it leaves out."""
    whole: dict[str, Any] = _given(asdict(board))
    return whole


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items() if each is not None and each not in ("", (), {})}
    if isinstance(value, list | tuple):
        return [_given(each) for each in value]
    # A table of a sensor or a limit may have TOML's times in it
    return value if isinstance(value, str | int | float | bool) else str(value)


def _text(board: Board) -> str:
    width = max(len(name) for name, _ in facts(board))
    lines = [plain(board.title), *(f"{name.ljust(width)}  {plain(text)}" for name, text in facts(board))]
    return "\n".join(lines + [line for each in (buses(board), pins(board)) if each[1] for line in ("", _table(each))])


def _table(shown: Table) -> str:
    head, rows = shown
    return table(head, [[plain(cell) for cell in row] for row in rows])

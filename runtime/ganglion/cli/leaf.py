# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets in, lists and removes the leaves of a node: devices that cannot sign. It works on the node's own machine.

The key of a leaf is a secret of the two, so it goes from here to the device and over no network.
"""

import argparse
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ganglion import config
from ganglion.cli import new_secret
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.mesh.leaves.folder import LeafFolder, Listed
from ganglion.units import SECOND
from ganglion_micro import gl1


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion leaf add|list|remove`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    add = verbs.add_parser("add", parents=[common], help="let a device in; prints its key, this once")
    listing = verbs.add_parser("list", parents=[common], help="the leaves of the node")
    remove = verbs.add_parser("remove", parents=[common], help="believe a leaf no more, from now on")
    add.add_argument("--out", type=Path, metavar="FILE", help="write the key there, into a new file for you alone")
    for verb in (add, remove):
        verb.add_argument("name", metavar="NAME", help="1 to 32 of a-z A-Z 0-9 _ -")
    for verb in (add, listing, remove):
        verb.add_argument(
            "--state", type=Path, help="the node's state folder; default: that of the only node of this machine"
        )


def run(args: argparse.Namespace) -> Result:
    """Runs the verb. Exit codes: 0 ok, 2 which node is not clear, 3 no such node or leaf, 4 there is one already."""
    state = args.state or _only()
    folder = LeafFolder(state)
    match args.verb:
        case "add":
            if not gl1.level(args.name):
                raise UsageError(f"{args.name!r} is no name of a leaf: 1 to 32 of a-z A-Z 0-9 _ -")
            return _add(folder, args.name, args.out)
        case "remove":
            return _remove(folder, args.name)
    return _list(folder, state)


def _only() -> Path:
    nodes = config.state_folder() / "nodes"
    found = sorted(nodes.iterdir()) if nodes.is_dir() else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(f"there is no node in {nodes}: name the state folder of one with --state")
    raise UsageError(f"{len(found)} nodes keep their state in {nodes}: name the folder of one with --state")


def _add(folder: LeafFolder, name: str, out: Path | None) -> Result:
    with nullcontext() if out is None else new_secret.new(out) as write:
        key = folder.add(name, now=time.time_ns())
        text = folder.on_board(key)
        own, updates = text.splitlines()
        data = {"name": name, "id": gl1.base32(key.kid), "mesh": gl1.base32(key.mesh), "updates": updates}
        if write is None:
            return Result(data=data | {"key": own}, text=lambda: text)
        try:
            write(text)
        except InvalidError:
            folder.remove(name)
            raise
    return Result(
        data=data | {"file": str(out)}, text=lambda: f"the key of {name} is in {out}: bring it onto the board"
    )


def _remove(folder: LeafFolder, name: str) -> Result:
    gone = _document(folder.remove(name))
    return Result(data=gone, text=lambda: f"{name} is no leaf any more: its node refuses it at once")


def _list(folder: LeafFolder, state: Path) -> Result:
    leaves = [_document(listed) for listed in folder.all().values()]

    def text() -> str:
        if not leaves:
            return f"the node of {state} has no leaf; `ganglion leaf add NAME` lets one in"
        rows = [(leaf["name"], leaf["id"], leaf["boots"], moment(leaf["added"])) for leaf in leaves]
        return table(("name", "id", "boots", "added"), rows)

    return Result(data={"leaves": leaves}, text=text)


def _document(listed: Listed) -> dict[str, Any]:
    name, key, epoch = listed.entry
    return {"name": name, "id": gl1.base32(key.kid), "boots": epoch, "added": listed.added * SECOND}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists, loads and removes the scripts of a node that runs; at its next start it has what its configuration names."""

import argparse
from pathlib import Path

from ganglion.cli import gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion scripts list|put|remove NODE …`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    for name, line in (
        ("list", "the scripts that a node runs, with the hashes of their plans"),
        ("put", "load a script that passes its own tests, in place of the one of its name"),
        ("remove", "unload a script; its runs end"),
    ):
        verb = verbs.add_parser(name, parents=[common], help=line)
        verb.add_argument("node", metavar="NODE", help="its name or id; PARENT/LEAF for a leaf of it")
        if name == "put":
            verb.add_argument("file", type=Path, metavar="FILE", help="a document, JSON or YAML")
        elif name == "remove":
            verb.add_argument("name", metavar="SCRIPT", help="as `list` shows it")
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 1 a script is wrong or fails its tests, 3 no such node, file or script, 5 no answer."""
    from ganglion.cli import gateway_client
    from ganglion.cli.mova_watch import put
    from ganglion.cli.scripts_leaf import LeafScripts

    gateway = gateway_client.find(args)
    parent, _, name = args.node.partition("/")
    leaf = LeafScripts(gateway, parent, name) if name else None
    if args.verb == "put":
        put_there = leaf.put(args.file) if leaf else put(gateway, args.node, args.file)
        said = f"{plain(put_there['name'])} runs on {args.node}: {plain(put_there['hash'])[:12]}"
        if put_there["replaced"]:
            said += "; it took the place of another script of that name"
        return Result(data=put_there, text=lambda: said)
    if args.verb == "remove":
        asked = {"name": args.name}
        gone = leaf.remove(args.name) if leaf else gateway.command(args.node, "scripts.remove", asked)["result"]
        return Result(data=gone, text=lambda: f"{plain(gone['name'])} runs no more on {args.node}")
    listed = leaf.list() if leaf else gateway.command(args.node, "scripts.list", {})["result"]
    rows = [(plain(each["name"]), plain(each["hash"])[:12]) for each in listed["scripts"]]
    return Result(data=listed, text=lambda: table(("script", "hash"), rows) if rows else "no script")

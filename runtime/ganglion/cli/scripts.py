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
    from ganglion.cli.script_file import compiled
    from ganglion.cli.scripts_node import scripts_of

    plan = compiled(args.file) if args.verb == "put" else None  # what is wrong with it, nobody has to be asked
    scripts = scripts_of(gateway_client.find(args), args.node)
    if plan is not None:
        done = scripts.put(plan)
        said = f"{plain(done['name'])} runs on {args.node}: {plain(done['hash'])[:12]}"
        if done["replaced"]:
            said += "; it took the place of another script of that name"
        return Result(data=done, text=lambda: said)
    if args.verb == "remove":
        gone = scripts.remove(args.name)
        return Result(data=gone, text=lambda: f"{plain(gone['name'])} runs no more on {args.node}")
    listed = scripts.listing()
    rows = [(plain(each["name"]), plain(each["hash"])[:12]) for each in listed["scripts"]]
    return Result(data=listed, text=lambda: table(("script", "hash"), rows) if rows else "no script")

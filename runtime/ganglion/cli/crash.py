# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how runs of nodes and leaves ended that crashed: why, and what was logged before."""

import argparse
from collections.abc import Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.client.operations import fleet
from ganglion.errors import UsageError


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion crash list|show`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    listing = verbs.add_parser("list", parents=[common], help="crashes of all nodes or of one, newest first")
    listing.add_argument("node", nargs="?", metavar="NODE", help="its name or id")
    listing.add_argument("--where", metavar="SELECTOR", help="those that are meant, as in tag=fridge")
    show = verbs.add_parser("show", parents=[common], help="all that is known of a crash")
    show.add_argument("node", metavar="NODE|PARENT/LEAF", help="a node's name or id, or a leaf")
    show.add_argument("crash", nargs="?", default="last", metavar="ID", help="as `list` has it; default: the last")
    for verb in (listing, show):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 3 no such node, or no crash is known, 5 no gateway answers."""
    client = gateway_client.find(args)
    if args.verb == "show":
        node, _, leaf = args.node.partition("/")
        return _show(client.ask(fleet.get_nodes_node_crashes_crash(node, args.crash, leaf=leaf or None)))
    if args.node is not None and args.where is not None:
        raise UsageError("give a NODE or --where, not both")
    of_one = args.node is not None
    wanted = fleet.get_nodes_node_crashes(args.node) if of_one else fleet.get_crashes(where=args.where)
    return _list({"crashes": list(client.pages(wanted, "crashes"))})


def _list(told: Mapping[str, Any]) -> Result:
    crashes = told["crashes"]

    def text() -> str:
        rows = [(_name(each), each["id"], moment(each["at"]), each["kind"], plain(each["text"])) for each in crashes]
        return table(("node", "crash", "at", "kind", "what"), rows) if rows else "no crash is known"

    return Result(data=told, text=text, exit_code=0 if crashes else 3)


def _name(crash: Mapping[str, Any]) -> str:
    return plain(f"{crash['name']}/{crash['leaf']}" if crash["leaf"] else crash["name"])


def _show(crash: Mapping[str, Any]) -> Result:
    record = crash["record"]

    def text() -> str:
        lines = [f"{_name(crash)}  {crash['id']}  {moment(crash['at'])}  {crash['kind']}", plain(crash["text"])]
        for name, key in (("software", "sw"), ("after (s)", "up"), ("boot", "boot"), ("in a row", "row")):
            if record.get(key) not in (None, ""):
                lines.append(f"{name:<10}{plain(record[key])}")
        for title, body in (("trace", record.get("trace") or record.get("error")), ("log before", record.get("log"))):
            found = body.split("\n") if isinstance(body, str) else body
            if isinstance(found, list) and found and found != [""]:
                lines += [f"{title}:", *(f"    {plain(line)}" for line in found)]
        return "\n".join(lines)

    return Result(data=crash, text=text)

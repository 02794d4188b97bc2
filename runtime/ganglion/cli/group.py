# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes groups, which alone read what their members say in confidence, and says who is in them."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain
from ganglion.client.operations import groups

if TYPE_CHECKING:
    from ganglion.client import documents

_VERBS = {
    "create": "make a group",
    "list": "every group",
    "show": "who is in a group, and who has its newest key",
    "add": "take nodes in; they read what is said from now on",
    "remove": "let nodes go; they read nothing from now on",
    "rotate": "make a new key now; one is made each week, and whenever somebody comes or goes",
}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion group create|list|show|add|remove|rotate`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    for verb, line in _VERBS.items():
        sub = verbs.add_parser(verb, parents=[common], help=line)
        if verb != "list":
            sub.add_argument("name", metavar="NAME", help="the group: 1 to 32 of a-z A-Z 0-9 _ -")
        if verb in ("create", "add", "remove"):
            sub.add_argument("nodes", nargs="*", default=[], metavar="NODE", help="a node, by name or id")
            sub.add_argument(
                "--tag", action="append", default=[], dest="tags", metavar="TAG", help="every node that has this tag"
            )
        gateway_flags.arguments(sub)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb. Exit codes: 0 ok, 3 no such group or node, 4 refused, 5 no gateway answers."""
    client = gateway_client.find(args)
    if args.verb == "list":
        return _list(client.whole(groups.get_groups(), "groups"))
    if args.verb == "show":
        group = client.ask(groups.get_groups_name(args.name))
    elif args.verb == "rotate":
        group = client.ask(groups.post_groups_name_rotate(args.name))
    elif args.verb == "create":
        group = client.ask(groups.post_groups(name=args.name, nodes=args.nodes, tags=args.tags))
    else:
        change = groups.post_groups_name_add if args.verb == "add" else groups.post_groups_name_remove
        group = client.ask(change(args.name, nodes=args.nodes, tags=args.tags))
    return Result(data=group, text=lambda: _shown(group, said=args.verb == "create"))


def _list(told: "documents.Groups") -> Result:
    def text() -> str:
        if not told["groups"]:
            return "there is no group yet; `ganglion group create NAME NODE…` makes one"
        rows = [
            (each["name"], str(each["number"] or "-"), ", ".join(plain(member["name"]) for member in each["members"]))
            for each in told["groups"]
        ]
        return table(("group", "key", "members"), rows)

    return Result(data=told, text=text)


def _shown(group: "documents.Group", *, said: bool) -> str:
    tags = "".join(f", and whoever has the tag {plain(tag)}" for tag in group["tags"])
    lines = [f"{group['name']}: key {group['number'] or 'none yet'}{tags}"]
    if group["members"]:
        rows = [(plain(each["name"]), _state(each), each["id"]) for each in group["members"]]
        lines.append(table(("member", "newest key", "id"), rows))
    known = {each["id"] for each in group["members"]}
    lines += [f"{each['id']} is named, and has not been here" for each in group["nodes"] if each["id"] not in known]
    if said:
        lines.append(f'next, in the configuration of each node: confidential = "{group["name"]}" in [mesh]')
    return "\n".join(lines)


def _state(member: Mapping[str, Any]) -> str:
    if member["has_key"]:
        return "has it"
    return "on its way" if member["can_have"] else "not yet: it was not heard, or has to renew its credential"

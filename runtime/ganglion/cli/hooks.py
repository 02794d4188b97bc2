# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets services of others tell the gateway of events, by webhooks that they sign."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_client, gateway_flags, option
from ganglion.cli.by_name import identity
from ganglion.cli.result import Result, table
from ganglion.cli.secret_file import rotated, secret_in
from ganglion.cli.show import plain
from ganglion.client.operations import hooks as api

#: Options by the fields of the API that they give.
FIELDS = {"secret": "--secret-file", "class": "--class", "node": "--to"}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion hooks add|list|rotate|remove`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    add = verbs.add_parser("add", parents=[common], help="take events of a service; its secret is shown this once")
    add.add_argument("name", metavar="NAME", help="what people call it")
    add.add_argument(
        "--scheme",
        choices=("standard", "hmac"),
        default="standard",
        help="standard: Standard Webhooks; hmac: HMAC-SHA-256 of the body, as GitHub and MOVA sign; default: standard",
    )
    add.add_argument(
        "--header",
        default="x-hub-signature-256",
        metavar="HEADER",
        help="where hmac has its signature; default: x-hub-signature-256",
    )
    add.add_argument("--topic", metavar="TOPIC", help="of its events; default: hook/NAME")
    add.add_argument("--class", default="hook", dest="cls", metavar="CLASS", help="of its events; default: hook")
    add.add_argument("--to", default="", metavar="NODE", help="carry its events to this node, by name or id")
    add.add_argument("--rate", type=int, default=120, metavar="N", help="messages a minute; default: 120")
    add.add_argument("--secret-file", type=Path, metavar="FILE", help="holds the secret; else one is made")
    listing = verbs.add_parser("list", parents=[common], help="who may tell the gateway of events")
    rotate = verbs.add_parser("rotate", parents=[common], help="replace the secret of one; both hold for a while")
    rotate.add_argument("--keep", default="24h", metavar="TIME", help="how long the one before holds; default: 24h")
    rotate.add_argument("--secret-file", type=Path, metavar="FILE", help="holds the secret; else one is made")
    remove = verbs.add_parser("remove", parents=[common], help="take nothing more of one")
    for verb in (rotate, remove):
        verb.add_argument("id", metavar="ID", help="or its name, as `list` shows them")
    for verb in (add, listing, rotate, remove):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 2 wrong usage, 3 no such hook, 4 refused, 5 no gateway answers."""
    client = gateway_client.find(args)
    if args.verb == "list":
        return _list(client.whole(api.get_hooks(), "hooks"), client.url)
    if args.verb == "add":
        return _add(client, args)
    known = client.pages(api.get_hooks(), "hooks")
    args.id = identity(args.id, known, what="hook", listing="ganglion hooks list")
    if args.verb == "rotate":
        option.duration(args.keep, "--keep")
        asked = api.post_hooks_hook_rotate(args.id, keep=args.keep, secret=secret_in(args.secret_file))
        turned = client.ask(asked)
        return Result(data=turned, text=lambda: rotated(turned, "holds"))
    client.ask(api.delete_hooks_hook(args.id))
    return Result(data={"id": args.id, "removed": True}, text=lambda: f"{args.id} is taken no more")


def _add(client: gateway_client.GatewayClient, args: argparse.Namespace) -> Result:
    asked = api.post_hooks(
        name=args.name,
        scheme=args.scheme,
        header=args.header,
        topic=args.topic,
        class_=args.cls,
        node=args.to,
        rate=args.rate,
        secret=secret_in(args.secret_file),
    )
    made = client.ask(asked)

    def text() -> str:
        lines = [f"{plain(made['id'])}: POST to {client.url}{plain(made['path'])}, signed in {plain(made['header'])}"]
        if made["fault"]:
            lines.append(f"its events reach no node now: {plain(made['fault'])}")
        return "\n".join([*lines, f"secret, shown this once: {plain(made['secret'])}"])

    return Result(data=made, text=text)


def _list(told: Mapping[str, Any], url: str) -> Result:
    def text() -> str:
        if not told["hooks"]:
            return "nobody tells of events yet; `ganglion hooks add NAME` lets somebody"
        rows = [
            (
                plain(one["id"]),
                plain(one["name"]),
                f"{one['scheme']}, {plain(one['header'])}",
                plain(one["topic"]),
                plain(one["class"]),
                f"{plain(one['node']) or '-'}{' (not there)' if one['fault'] else ''}",
                str(one["rate"]),
                url + plain(one["path"]),
            )
            for one in told["hooks"]
        ]
        return table(("id", "name", "signed by", "topic", "class", "to", "a minute", "url"), rows)

    return Result(data=told, text=text)

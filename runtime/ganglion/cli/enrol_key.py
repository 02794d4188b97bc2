# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates, lists and revokes enrol keys, by which nodes join the mesh."""

import argparse
import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_client, gateway_flags, new_secret, option
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.client.operations import enrolment
from ganglion.errors import NotFoundError

if TYPE_CHECKING:
    from ganglion.client import documents


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion enrol-key create|list|revoke`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    create = verbs.add_parser("create", parents=[common], help="make a key; it is shown this once")
    create.add_argument("--name", default="", metavar="TEXT", help="what it is for")
    create.add_argument("--uses", type=int, default=1, metavar="N", help="how many nodes may join by it; default: 1")
    create.add_argument("--ttl", default="1h", metavar="TIME", help="how long it holds, as in 30m or 7d; default: 1h")
    create.add_argument(
        "--tag", action="append", default=[], dest="tags", metavar="TAG", help="given to each node that joins by it"
    )
    create.add_argument("--out", type=Path, metavar="FILE", help="write it there, into a new file for you alone")
    create.add_argument("--code", type=Path, metavar="FILE", help="draw it as a QR code too, as in key.png")
    gateway_flags.arguments(create)
    gateway_flags.arguments(verbs.add_parser("list", parents=[common], help="the keys there are, without secrets"))
    revoke = verbs.add_parser(
        "revoke", parents=[common], help="let nobody join by a key any more; who has joined stays"
    )
    revoke.add_argument("id", metavar="ID", help="as `list` shows it; never the key itself")
    gateway_flags.arguments(revoke)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb.

    Raises:
        InvalidError: the time is none.
    """
    client = gateway_client.find(args)
    if args.verb == "revoke":
        return _revoke(client, args.id)
    return _create(client, args) if args.verb == "create" else _list(client)


def _create(client: gateway_client.GatewayClient, args: argparse.Namespace) -> Result:
    option.duration(args.ttl, "--ttl")
    if args.code is not None:
        from ganglion.cli import code

        code.check(args.code)  # before there is a key that nobody gets
    with nullcontext() if args.out is None else new_secret.new(args.out) as write:
        asked = enrolment.post_enrol_keys(uses=args.uses, ttl=args.ttl, tags=args.tags, name=args.name)
        created: dict[str, Any] = {**client.ask(asked)}
        if args.code is not None:
            code.write(created["key"], args.code)
        if write is None:
            return Result(data=created, text=lambda: plain(created["key"]))
        write(created.pop("key"))
    created["file"] = str(args.out)
    return Result(
        data=created, text=lambda: f"the key is in {args.out}; it holds for {args.ttl}, and is shown nowhere else"
    )


def _revoke(client: gateway_client.GatewayClient, key: str) -> Result:
    if not re.fullmatch("[0-9a-f]{16}", key):
        raise NotFoundError("an enrol key is revoked by its id, 16 letters: `ganglion enrol-key list` shows them")
    gone = client.ask(enrolment.post_enrol_keys_key_revoke(key))
    return Result(data=gone, text=lambda: f"nobody joins by {plain(gone['id'])} any more; who has joined by it stays")


def _list(client: gateway_client.GatewayClient) -> Result:
    keys = client.whole(enrolment.get_enrol_keys(), "enrol_keys")["enrol_keys"]
    now = time.time_ns()

    def text() -> str:
        rows = [
            (
                plain(key["id"]),
                plain(key["name"]),
                f"{key['uses_left']} of {key['uses']}",
                moment(key["expires"]),
                _state(key, now),
                plain(" ".join(key["tags"])),
            )
            for key in keys
        ]
        return table(("id", "name", "uses left", "expires", "state", "tags"), rows)

    return Result(data={"enrol_keys": keys}, text=text)


def _state(key: "documents.EnrolKey", now: int) -> str:
    if key["revoked"]:
        return "revoked"
    if key["expires"] <= now:
        return "expired"
    return "usable" if key["uses_left"] > 0 else "used up"

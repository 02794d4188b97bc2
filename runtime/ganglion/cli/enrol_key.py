# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates and lists enrol keys, by which nodes join the mesh."""

import argparse
import time
from typing import Any

from ganglion.cli import gateway_client
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.units import duration


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion enrol-key create|list`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    create = verbs.add_parser("create", parents=[common], help="make a key; it is shown this once")
    create.add_argument("--name", default="", metavar="TEXT", help="what it is for")
    create.add_argument("--uses", type=int, default=1, metavar="N", help="how many nodes may join by it; default: 1")
    create.add_argument("--ttl", default="1h", metavar="TIME", help="how long it holds, as in 30m or 7d; default: 1h")
    create.add_argument(
        "--tag", action="append", default=[], dest="tags", metavar="TAG", help="given to each node that joins by it"
    )
    gateway_client.arguments(create)
    gateway_client.arguments(verbs.add_parser("list", parents=[common], help="the keys there are, without secrets"))


def run(args: argparse.Namespace) -> Result:
    """Runs the verb.

    Raises:
        InvalidError: the time is none.
    """
    client = gateway_client.find(args)
    return _create(client, args) if args.verb == "create" else _list(client)


def _create(client: gateway_client.GatewayClient, args: argparse.Namespace) -> Result:
    duration(args.ttl, where="--ttl")
    body = {"uses": args.uses, "ttl": args.ttl, "tags": args.tags, "name": args.name}
    created: dict[str, Any] = client.post("/api/v1/enrol-keys", body)
    return Result(data=created, text=lambda: plain(created["key"]))


def _list(client: gateway_client.GatewayClient) -> Result:
    keys = list(client.items("/api/v1/enrol-keys", "enrol_keys"))
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


def _state(key: dict[str, Any], now: int) -> str:
    if key["revoked"]:
        return "revoked"
    if key["expires"] <= now:
        return "expired"
    return "usable" if key["uses_left"] > 0 else "used up"

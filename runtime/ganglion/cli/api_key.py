# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates, lists and revokes API keys, by which programs use the gateway."""

import argparse
import re
import time
from typing import TYPE_CHECKING

from ganglion.cli import gateway_client, gateway_flags, option
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.cli.users import ROLES
from ganglion.client.operations import access
from ganglion.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from ganglion.client import documents


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion api-key create|list|revoke`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    create = verbs.add_parser("create", parents=[common], help="make a key; its token is shown this once")
    create.add_argument("name", metavar="NAME", help="what it is for; stands in the audit")
    create.add_argument("--role", choices=ROLES, help="it may do what this role may")
    create.add_argument(
        "--scope", action="append", dest="scopes", metavar="SCOPE", help="or this alone, as in read; again for more"
    )
    create.add_argument("--ttl", metavar="TIME", help="how long it holds, as in 24h or 90d; default: until revoked")
    gateway_flags.arguments(create)
    gateway_flags.arguments(verbs.add_parser("list", parents=[common], help="the keys there are, without tokens"))
    revoke = verbs.add_parser("revoke", parents=[common], help="let nobody in by a key any more")
    revoke.add_argument("id", metavar="ID", help="as `list` shows it; never the token itself")
    gateway_flags.arguments(revoke)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb.

    Raises:
        UsageError: neither a role nor scopes are given, or both.
        InvalidError: the time is none.
    """
    if args.verb == "create":
        if (args.role is None) == (args.scopes is None):
            raise UsageError("say what the key may do: either --role or --scope")
        if args.ttl is not None:
            option.duration(args.ttl, "--ttl")
        wanted = access.post_api_keys(name=args.name, role=args.role, scopes=args.scopes, ttl=args.ttl)
        made = gateway_client.find(args).ask(wanted)
        return Result(data=made, text=lambda: plain(made["token"]))
    if args.verb == "list":
        return _list(gateway_client.find(args))
    if not re.fullmatch("[0-9a-f]{16}", args.id):
        raise NotFoundError("an API key is revoked by its id, 16 letters: `ganglion api-key list` shows them")
    gone = gateway_client.find(args).ask(access.post_api_keys_key_revoke(args.id))
    return Result(data=gone, text=lambda: f"nobody gets in by {plain(gone['name'])} ({gone['id']}) any more")


def _list(client: GatewayClient) -> Result:
    keys = client.whole(access.get_api_keys(), "api_keys")["api_keys"]
    now = time.time_ns()

    def text() -> str:
        rows = [
            (
                plain(key["id"]),
                plain(key["name"]),
                key["role"] or " ".join(map(plain, key["scopes"])),
                "never" if key["expires"] is None else moment(key["expires"]),
                _state(key, now),
                plain(key["creator"]),
            )
            for key in keys
        ]
        return table(("id", "name", "may", "expires", "state", "made by"), rows)

    return Result(data={"api_keys": keys}, text=text)


def _state(key: "documents.ApiKey", now: int) -> str:
    if key["revoked"]:
        return "revoked"
    return "expired" if key["expires"] is not None and key["expires"] <= now else "usable"

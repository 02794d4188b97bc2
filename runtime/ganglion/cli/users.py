# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds, lists and removes those who may log in to the gateway, and says as what."""

import argparse
from typing import TYPE_CHECKING

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.client.operations import access

if TYPE_CHECKING:
    from ganglion.client import documents

ROLES = ("viewer", "operator", "debug", "admin")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion users add|list|password|role|remove`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    add = verbs.add_parser("add", parents=[common], help="add a user; the one-time password is shown this once")
    add.add_argument("name", metavar="NAME", help="letters, digits and . _ @ -")
    add.add_argument("--role", choices=ROLES, default="viewer", help="default: viewer")
    gateway_flags.arguments(add)
    gateway_flags.arguments(verbs.add_parser("list", parents=[common], help="who may log in"))
    for verb, line in (
        ("password", "give a user a new one-time password; all sessions end"),
        ("remove", "remove a user; all sessions end"),
    ):
        one = verbs.add_parser(verb, parents=[common], help=line)
        one.add_argument("name", metavar="NAME")
        gateway_flags.arguments(one)
    role = verbs.add_parser("role", parents=[common], help="give a user another role, at once")
    role.add_argument("name", metavar="NAME")
    role.add_argument("role", choices=ROLES)
    gateway_flags.arguments(role)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb."""
    client = gateway_client.find(args)
    if args.verb == "list":
        return _list(client)
    if args.verb == "add":
        return _shown(client.ask(access.post_users(name=args.name, role=args.role)))
    if args.verb == "password":
        return _shown(client.ask(access.post_users_user_password(args.name)))
    if args.verb == "role":
        user = client.ask(access.patch_users_user(args.name, role=args.role))
        return Result(data=user, text=lambda: f"{plain(user['name'])} is {user['role']} now")
    client.ask(access.delete_users_user(args.name))
    return Result(data={"name": args.name, "removed": True}, text=lambda: f"{plain(args.name)} may log in no more")


def _shown(user: "documents.NewUser") -> Result:
    said = f"{plain(user['name'])} ({user['role']}): {plain(user['password'])}\nfor one login, and shown this once"
    return Result(data=user, text=lambda: said)


def _list(client: GatewayClient) -> Result:
    users = client.whole(access.get_users(), "users")["users"]

    def text() -> str:
        rows = [
            (plain(user["name"]), user["role"], "no" if user["must_change"] else "yes", moment(user["created"]))
            for user in users
        ]
        return table(("name", "role", "own password", "since"), rows)

    return Result(data={"users": users}, text=text)

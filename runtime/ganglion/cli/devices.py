# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the nodes of the fleet as the gateway knows them, lets in those that wait, and revokes those that are to go."""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import ago, plain
from ganglion.client.operations import enrolment, fleet


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion devices list|pending|approve|revoke`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    listing = verbs.add_parser("list", parents=[common], help="every node, and whether it is there")
    pending = verbs.add_parser("pending", parents=[common], help="nodes that wait to be approved")
    approve = verbs.add_parser("approve", parents=[common], help="let a node in that waits")
    approve.add_argument("node", metavar="FINGERPRINT|ID", help="as the device itself shows it: `ganglion id show`")
    approve.add_argument("--name", metavar="NAME", help="what to call it; default: what it asks for")
    approve.add_argument("--tag", action="append", default=[], dest="tags", metavar="TAG", help="given to it")
    revoke = verbs.add_parser("revoke", parents=[common], help="have nobody believe a node any more, for good")
    revoke.add_argument("node", metavar="NAME|ID", help="a node, or one that waits")
    revoke.add_argument("--reason", default="", metavar="TEXT", help="for the audit")
    for verb in (listing, pending, approve, revoke):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb. Exit codes: 0 ok, 3 no such node, 4 refused, 5 no gateway answers."""
    client = gateway_client.find(args)
    match args.verb:
        case "pending":
            return _pending(client)
        case "approve":
            return _approve(client, args)
        case "revoke":
            return _revoke(client, args)
    return _list(client)


def _list(client: gateway_client.GatewayClient) -> Result:
    nodes = client.whole(fleet.get_nodes(), "nodes")["nodes"]
    now = time.time_ns()

    def text() -> str:
        if not nodes:
            return "no node has joined yet; `ganglion enrol-key create` makes a key for one"
        rows = []
        for node in nodes:
            ids = " before ".join(plain(each) for each in (node["id"], *node.get("former", [])[-1:]))
            rows.append(_row(node, _state(node), ago(node["last_seen"], now), ids))
            for leaf in node.get("leaves", []):
                state = f"{_state(leaf)}, vouched by {plain(leaf['vouched_by'])}"
                seen = ago(leaf["last_seen"], now) if leaf["last_seen"] else "never"
                rows.append(_row(leaf, state, seen, plain(leaf["id"])))
        return table(("name", "state", "last seen", "board", "software", "id"), rows)

    return Result(data={"nodes": nodes}, text=text)


def _row(device: Mapping[str, Any], state: str, seen: str, ids: str) -> tuple[str, ...]:
    return (plain(device["name"]), state, seen, plain(device["board"]), plain(device["sw"]), ids)


def _state(node: Mapping[str, Any]) -> str:
    if node.get("revoked") is not None:
        return "revoked"
    return "online" if node["online"] else "offline"


def _pending(client: gateway_client.GatewayClient) -> Result:
    told = client.whole(enrolment.get_pending(), "pending")
    now = time.time_ns()

    def text() -> str:
        if not told["pending"]:
            return f"no node waits; one that is to: `ganglion enrol --mesh {plain(told['mesh'])} --broker URL`"
        rows = [
            (
                plain(one["name"]) + (" (a name that is taken)" if one["taken"] else ""),
                plain(one["fingerprint"]),
                ago(one["first"], now),
                ago(one["last"], now),
                plain(one["id"]),
            )
            for one in told["pending"]
        ]
        shown = table(("asks to be called", "fingerprint", "first asked", "last asked", "id"), rows)
        return (
            f"{shown}\ncompare the fingerprint with what the device shows, then: ganglion devices approve FINGERPRINT"
        )

    return Result(data=told, text=text)


def _approve(client: gateway_client.GatewayClient, args: argparse.Namespace) -> Result:
    let_in = client.ask(enrolment.post_pending_node_approve(args.node, name=args.name, tags=args.tags))
    return Result(
        data=let_in,
        text=lambda: f"{plain(let_in['name'])} ({plain(let_in['id'])}) may join; it does so when it next asks",
    )


def _revoke(client: gateway_client.GatewayClient, args: argparse.Namespace) -> Result:
    gone = client.ask(fleet.post_nodes_node_revoke(args.node, reason=args.reason))
    named = plain(gone["name"] or gone["id"])
    return Result(
        data=gone,
        text=lambda: f"{named} is revoked: whoever is online refuses it now, everybody else when they hear of it",
    )

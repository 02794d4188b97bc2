# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the nodes of the fleet, as the gateway knows them."""

import argparse
import time

from ganglion.cli import gateway_client
from ganglion.cli.result import Result, table
from ganglion.cli.show import ago, plain


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion devices list`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    gateway_client.arguments(verbs.add_parser("list", parents=[common], help="every node, and whether it is there"))


def run(args: argparse.Namespace) -> Result:
    """Runs the verb."""
    nodes = list(gateway_client.find(args).items("/api/v1/nodes", "nodes"))
    now = time.time_ns()

    def text() -> str:
        if not nodes:
            return "no node has joined yet; `ganglion enrol-key create` makes a key for one"
        rows = [
            (
                plain(node["name"]),
                "online" if node["online"] else "offline",
                ago(node["last_seen"], now),
                plain(node["board"]),
                plain(node["sw"]),
                plain(node["id"]),
            )
            for node in nodes
        ]
        return table(("name", "state", "last seen", "board", "software", "id"), rows)

    return Result(data={"nodes": nodes}, text=text)

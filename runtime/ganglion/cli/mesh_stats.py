# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how a member's part in the mesh goes: its connection, its spool, and what it did not believe, by cause."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh stats [NODE]`."""
    verb = verbs.add_parser("stats", parents=[common], help="connection, spool, and refused messages by cause")
    verb.add_argument("node", metavar="NODE", nargs="?", help="its name or id; default: the gateway itself")
    gateway_flags.arguments(verb)
    verb.set_defaults(perform=statistics)


def statistics(args: argparse.Namespace) -> Result:
    """Asks the node, or the gateway. Exit codes: 0 ok, 3 no such node, 5 the node does not answer."""
    from ganglion.cli import gateway_client
    from ganglion.client.operations import fleet

    gateway = gateway_client.find(args)
    if args.node is None:
        told = gateway.ask(fleet.get_mesh_statistics())
    else:
        told = gateway.command(args.node, "mesh.statistics", {})["result"]
    return Result(data=told, text=lambda: table(("what", "figure"), list(_rows(told).items())))


def _rows(told: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Every figure with its way there, as in `delivery.spooled`."""
    rows: dict[str, str] = {}
    for name, value in told.items():
        way = f"{prefix}{plain(name)}"
        if isinstance(value, dict):
            rows |= _rows(value, f"{way}.")
        else:
            rows[way] = plain(value)
    return rows

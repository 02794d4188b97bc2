# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what the mesh says, changes what its members share, and says who may do what in it."""

import argparse

from ganglion.cli import (
    mesh_decode,
    mesh_explain,
    mesh_graph,
    mesh_kv,
    mesh_peers,
    mesh_ping,
    mesh_policy,
    mesh_sniff,
    mesh_stats,
    mesh_trace,
)
from ganglion.cli.result import Result

#: Options by the fields of the API that they give.
FIELDS = {"to": "NODE"}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion mesh <verb>`. Each verb's module adds its parser, and as `perform` what runs it."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    looking = (mesh_peers, mesh_graph, mesh_stats, mesh_ping, mesh_trace, mesh_sniff)
    for module in (*looking, mesh_kv, mesh_policy, mesh_explain, mesh_decode):
        module.arguments(verbs, common)


def run(args: argparse.Namespace) -> Result | int | None:
    """Runs the verb."""
    result: Result | int | None = args.perform(args)
    return result

# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows and sets the limits that the fleet has for actuators of its nodes, signed by the authority of the mesh."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ganglion.cli import gateway_flags
from ganglion.cli.document import HELP
from ganglion.cli.given_file import of_file
from ganglion.cli.result import Result

if TYPE_CHECKING:
    from ganglion.mesh.fleet_limits import FleetLimits

_PATH = "/api/v1/mesh/limits"


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion limits show|set|check`."""
    parts = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    show = parts.add_parser("show", parents=[common], help="the limits that hold, as a document")
    put = parts.add_parser("set", parents=[common], help="have a document hold from now on, in place of the one before")
    check = parts.add_parser("check", parents=[common], help="say what is wrong with a document; asks nobody")
    for part in (put, check):
        part.add_argument("file", type=Path, metavar="FILE", help=f"{HELP}; TOML where it ends so")
    for part, perform in ((show, _show), (put, _set), (check, _check)):
        if part is not check:
            gateway_flags.arguments(part)
        part.set_defaults(perform=perform)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 1 the document is none, 3 no such file, 4 refused, 5 no gateway answers."""
    result: Result = args.perform(args)
    return result


def _show(args: argparse.Namespace) -> Result:
    from ganglion.cli import gateway_client
    from ganglion.cli.config_document import written
    from ganglion.client.operations import limits as api

    told = gateway_client.find(args).ask(api.get_mesh_limits())
    return Result(data=told, text=lambda: written({"version": told["version"], "limit": told["limit"]}))


def _set(args: argparse.Namespace) -> Result:
    from ganglion.cli import gateway_client
    from ganglion.client.operations import limits as api

    limits, has_version = _read(args.file)
    version = limits.version if has_version else None
    with of_file(args.file):
        told = gateway_client.find(args).ask(api.post_mesh_limits(limit=limits.document["limit"], version=version))
    return Result(
        data=told,
        text=lambda: (
            f"the limits {told['version']} hold: whoever is online goes by them now, everybody else when they hear of "
            "it\nnext: ganglion call NODE actuators.list"
        ),
    )


def _check(args: argparse.Namespace) -> Result:
    limits, _ = _read(args.file)
    count = len(limits.limits)
    return Result(
        data={"valid": True, "limits": count},
        text=lambda: f"{args.file}: {count} {'limit' if count == 1 else 'limits'}",
    )


def _read(file: Path) -> "tuple[FleetLimits, bool]":
    from ganglion.cli import config_document
    from ganglion.guardian.fleet import verify
    from ganglion.mesh.signed_config import LIMITS

    return config_document.read(file, LIMITS, prepared=lambda root: root, verify=verify)

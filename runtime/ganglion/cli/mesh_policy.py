# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows and changes the policy of a mesh: who may do what, to whom."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.document import HELP
from ganglion.cli.given_file import of_file
from ganglion.cli.result import Result

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

PATH = "/api/v1/mesh/policy"


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh policy show|set|delete|check`."""
    parser = verbs.add_parser("policy", parents=[common], help="who may do what: show, set, delete, check")
    parts = parser.add_subparsers(required=True, metavar="<what>", dest="what")
    show = parts.add_parser("show", parents=[common], help="the policy that holds, as a document")
    put = parts.add_parser("set", parents=[common], help="have a document hold from now on")
    delete = parts.add_parser(
        "delete", parents=[common], help="refuse everything but joining, until there is one again"
    )
    check = parts.add_parser("check", parents=[common], help="say what is wrong with a document; asks nobody")
    for part in (put, check):
        part.add_argument("file", type=Path, metavar="FILE", help=HELP)
    for part, perform in ((show, _show), (put, _set), (delete, _delete), (check, _check)):
        if part is not check:
            gateway_flags.arguments(part)
        part.set_defaults(perform=perform)


def _show(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 5 no gateway answers."""
    from ganglion.cli import gateway_client
    from ganglion.cli.policy_document import written
    from ganglion.client.operations import policy as policies
    from ganglion.mesh.policy import read

    told = gateway_client.find(args).ask(policies.get_mesh_policy())
    return Result(
        data=told, text=lambda: written(read({"version": told["version"], "rules": told["rules"]}, where="the gateway"))
    )


def _set(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 1 the document is none, 3 no such file, 4 refused, 5 no gateway answers."""
    from ganglion.cli import gateway_client
    from ganglion.cli.policy_document import read
    from ganglion.client.operations import policy as policies

    policy, has_version = read(args.file)
    version = policy.version if has_version else None
    with of_file(args.file):
        told = gateway_client.find(args).ask(policies.post_mesh_policy(rules=policy.document["rules"], version=version))
    return _holds(told)


def _delete(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 4 refused, 5 no gateway answers."""
    from ganglion.cli import gateway_client
    from ganglion.client.operations import policy as policies

    gone = gateway_client.find(args).ask(policies.post_mesh_policy_delete())
    return Result(
        data=gone,
        text=lambda: (
            f"the policy is deleted (version {gone['version']}): everything but joining is refused, and events wait in "
            "the spools of their nodes\nback: ganglion mesh policy set FILE"
        ),
    )


def _holds(told: Mapping[str, Any]) -> Result:
    return Result(
        data=told,
        text=lambda: (
            f"the policy {told['version']} holds: whoever is online goes by it now, everybody else when they hear of it"
            "\nnext: ganglion mesh explain SUBJECT VERB RESOURCE"
        ),
    )


def _check(args: argparse.Namespace) -> Result:
    """Exit codes: 0 it is a policy, 1 it is none, 3 no such file."""
    from ganglion.cli.policy_document import read

    policy, _ = read(args.file)
    data = {"valid": True, "rules": len(policy.rules), "deny": sum(rule.deny for rule in policy.rules)}
    return Result(data=data, text=lambda: f"{args.file}: a policy of {data['rules']} rules; that deny: {data['deny']}")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Says whether somebody may do something, by which rule, and why the others do not apply."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.call import value
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain
from ganglion.errors import UsageError

if TYPE_CHECKING:
    from ganglion.mesh.policy import Party, Policy

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

_WHO = "a node's name or id, gateway, or words such as role:node,tag:kitchen"


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh explain SUBJECT VERB RESOURCE [--at NODE] [--param KEY=VALUE] [--file FILE]`."""
    verb = verbs.add_parser("explain", parents=[common], help="whether somebody may do something, and by which rule")
    verb.add_argument("subject", metavar="SUBJECT", help=_WHO)
    verb.add_argument("doing", metavar="VERB", help="call, say, send or write")
    verb.add_argument("resource", metavar="RESOURCE", help="a method, a class of events, a stream, a key")
    verb.add_argument("--at", default="gateway", metavar="NODE", help=f"to whom: {_WHO}; default: gateway")
    verb.add_argument("--param", action="append", default=[], dest="params", metavar="KEY=VALUE", help="of a call")
    verb.add_argument("--file", type=Path, metavar="FILE", help="a document, instead of the gateway's; who is words")
    gateway_flags.arguments(verb)
    verb.set_defaults(perform=explained)


def explained(args: argparse.Namespace) -> Result:
    """Exit codes: 0 allowed, 1 denied (or the document is none), 2 usage, 3 no such node or file, 5 no gateway."""
    from ganglion.mesh.explanation import explain
    from ganglion.mesh.policy import VERBS

    if args.doing not in VERBS:
        raise UsageError(f"there is no verb {args.doing!r}: what may be done is to {', '.join(VERBS)}")
    params = dict(value(word) for word in args.params)
    policy, by, at, version = _from_file(args) if args.file is not None else _from_gateway(args)
    told = explain(policy, args.doing, args.resource, by=by, at=at, now=time.time_ns(), params=params)
    decision = told.decision
    data: dict[str, Any] = {
        "allowed": decision.allowed,
        "reason": decision.reason,
        "rule": decision.rule,
        "position": told.position,
        "text": None if told.position is None else policy.document["rules"][told.position - 1],
        "version": policy.version,
        "subject": sorted(by.words),
        "at": sorted(at.words),
        "held": version,
        "rules": [
            {"position": i + 1, "name": rule.name, "deny": rule.deny, "applies": not why, "why": why}
            for i, (rule, why) in enumerate(zip(policy.rules, told.why, strict=True))
        ],
    }
    return Result(data=data, text=lambda: _text(data, args), exit_code=0 if decision.allowed else 1)


def _from_file(args: argparse.Namespace) -> "tuple[Policy, Party, Party, int | None]":
    from ganglion.cli.policy_document import read

    for who in (args.subject, args.at):
        if who != "gateway" and not _is_words(who):
            raise UsageError(f"{who}: with --file nobody is asked who that is: give words, as in role:node,tag:kitchen")
    policy, _ = read(args.file)
    return policy, _party(args.subject), _party(args.at), None


def _from_gateway(args: argparse.Namespace) -> "tuple[Policy, Party, Party, int | None]":
    """Raises: see `GatewayClient.get`."""
    from ganglion.cli import gateway_client
    from ganglion.client.operations import policy as policies
    from ganglion.mesh.policy import Party, read

    client = gateway_client.find(args)
    told = client.ask(policies.get_mesh_policy())

    def find(who: str) -> "tuple[Party, int | None]":
        if _is_words(who):
            return _party(who), None
        one = client.ask(policies.get_mesh_parties_node(who))
        return Party(node_id=one["id"], roles=tuple(one["roles"]), tags=tuple(one["tags"])), one["policy"]

    by, _ = find(args.subject)
    at, version = find(args.at)
    policy = read({"version": told["version"], "rules": told["rules"]}, where="the gateway")
    return policy, by, at, version


def _is_words(who: str) -> bool:
    return who == "*" or ":" in who


def _party(words: str) -> "Party":
    """Who is described by words; a node where they name no role.

    Raises:
        UsageError: a word is none.
    """
    from ganglion.mesh.policy import Party, is_party

    node, roles, tags = "", [], []
    for word in ["role:gateway"] if words == "gateway" else words.split(","):
        kind, _, name = word.partition(":")
        if not is_party(word):
            raise UsageError(f"{word!r} is nobody: write role:gateway, role:node, tag:NAME, node:ID or *")
        if kind == "role":
            roles.append(name)
        elif kind == "tag":
            tags.append(name)
        elif kind == "node":
            node = name
    if not roles and words != "*":
        roles.append("node")
    return Party(node_id=node, roles=tuple(roles), tags=tuple(tags))


def _text(data: dict[str, Any], args: argparse.Namespace) -> str:
    lines = [f"{'allowed' if data['allowed'] else 'denied'}: {data['reason']}"]
    if data["text"] is not None:
        shown = json.dumps(data["text"], ensure_ascii=False)
        lines.append(f"rule {data['position']}: {plain(shown)}")
    if args.file is None:
        lines.append(_holder(data, args.at))
    if data["rules"]:
        rows = [(one["position"], plain(one["name"]), plain(one["why"] or _says(one))) for one in data["rules"]]
        lines.append(table(("rule", "name", "why"), rows))
    return "\n".join(lines)


def _says(rule: dict[str, Any]) -> str:
    return "applies, and denies" if rule["deny"] else "applies"


def _holder(data: dict[str, Any], at: str) -> str:
    version, held = data["version"], data["held"]
    if _is_words(at):
        return f"policy {version}"
    if held is None:
        return f"policy {version}; {plain(at)} has not said which it has"
    return (
        f"policy {version}, which {plain(at)} has"
        if held == version
        else (f"policy {version}; {plain(at)} still has {held}, and judges by that")
    )

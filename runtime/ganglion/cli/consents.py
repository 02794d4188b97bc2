# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what language models want that a person has to agree to, and says yes or no to it."""

import argparse
import time
from typing import TYPE_CHECKING

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain
from ganglion.client.operations import consents
from ganglion.units import SECOND

if TYPE_CHECKING:
    from ganglion.client import documents


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion consents list|grant|refuse`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    listing = verbs.add_parser("list", parents=[common], help="commands that wait for a person's consent")
    grant = verbs.add_parser("grant", parents=[common], help="let one be carried out, if its guardian lets it")
    refuse = verbs.add_parser("refuse", parents=[common], help="do not let it be carried out")
    for verb in (grant, refuse):
        verb.add_argument("id", metavar="ID", help="as the list shows it")
    for verb in (listing, grant, refuse):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb. Exit codes: 0 ok, 1 too late, 3 nothing waits under the ID, 4 refused, 5 no gateway answers."""
    client = gateway_client.find(args)
    if args.verb == "list":
        return _list(client.whole(consents.get_consents(), "consents"))
    asked = consents.post_consents_consent_grant if args.verb == "grant" else consents.post_consents_consent_refuse
    decided = client.ask(asked(args.id))
    return Result(data=decided, text=lambda: _decided(decided))


def _list(told: "documents.Consents") -> Result:
    now = time.time_ns()

    def text() -> str:
        if not told["consents"]:
            return "no command waits for consent"
        rows = [
            (
                plain(one["id"]),
                plain(one["name"]),
                f"{plain(one['actuator'])} = {plain(one['value'])}",
                f"{plain(one['owner'])}, run {plain(one['run'])}" if one["run"] else plain(one["owner"]),
                f"{max(0, one['expires'] - now) // SECOND} s",
                plain(one["why"]),
            )
            for one in told["consents"]
        ]
        shown = table(("id", "node", "wants", "for", "waits", "why"), rows)
        return f"{shown}\nnext: ganglion consents grant ID, or ganglion consents refuse ID"

    return Result(data=told, text=text)


def _decided(one: "documents.Decided") -> str:
    what = f"{plain(one['actuator'])} = {plain(one['value'])} of {plain(one['name'])} is {plain(one['state'])}"
    if not one["told"]:
        return f"{what}; the node hears it when it asks again"
    return f"{what}, and the node is told" + ("; its guardian judges once more" if one["state"] == "granted" else "")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the messages that no webhook's endpoint took, and has them tried again or thrown away."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.cli.webhooks import by_name
from ganglion.client.operations import webhooks
from ganglion.errors import UsageError


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion dlq list|show|replay|drop`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    listing = verbs.add_parser("list", parents=[common], help="messages that no endpoint took, newest first")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many, 500 at most; default: 50")
    show = verbs.add_parser("show", parents=[common], help="one of them, with its event and every attempt")
    show.add_argument("message", metavar="MESSAGE", help="as `list` shows it")
    replay = verbs.add_parser("replay", parents=[common], help="try them again, in the order they had")
    drop = verbs.add_parser("drop", parents=[common], help="throw them away")
    for verb in (replay, drop):
        verb.add_argument("message", nargs="?", metavar="MESSAGE", help="this one alone, as `list` shows it")
        verb.add_argument("--all", action="store_true", help="those of every webhook")
    for verb in (listing, replay, drop):
        verb.add_argument(
            "--webhook", metavar="ID", help="those of this webhook, or its name, as `ganglion webhooks list` shows them"
        )
    for verb in (listing, show, replay, drop):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 2 it is not said which, 3 no such message or webhook, 4 refused, 5 no gateway answers."""
    if args.verb in ("replay", "drop"):
        return _change(args)
    client = gateway_client.find(args)
    if args.verb == "show":
        return _show(client.ask(webhooks.get_dlq_message(args.message)))
    webhook = None if args.webhook is None else by_name(client, args.webhook)
    return _list(client.ask(webhooks.get_dlq(limit=args.limit, webhook=webhook)))


def _change(args: argparse.Namespace) -> Result:
    if sum((args.message is not None, args.webhook is not None, args.all)) != 1:
        raise UsageError(f"`ganglion dlq {args.verb}` takes one of MESSAGE, --webhook ID and --all")
    client, one = gateway_client.find(args), args.message
    webhook = None if args.webhook is None else by_name(client, args.webhook)
    if args.verb == "drop":
        gone = client.ask(
            webhooks.post_dlq_drop(webhook=webhook) if one is None else webhooks.post_dlq_message_drop(one)
        )
        return Result(data=gone, text=lambda: f"{_messages(gone['dropped'])} thrown away")
    again = client.ask(
        webhooks.post_dlq_replay(webhook=webhook) if one is None else webhooks.post_dlq_message_replay(one)
    )
    goes = "to be delivered again; `ganglion webhooks list` shows how it goes"
    return Result(data=again, text=lambda: f"{_messages(again['replayed'])} {goes}")


def _messages(count: int) -> str:
    return "1 message is" if count == 1 else f"{count} messages are"


def _list(told: Mapping[str, Any]) -> Result:
    def text() -> str:
        rows = [
            (
                plain(one["message"]),
                plain(one["webhook"]["name"]),
                plain(one["topic"]),
                moment(one["created"]),
                str(one["attempts"]),
                plain((one["last_attempt"] or {}).get("error") or "never tried"),
            )
            for one in told["messages"]
        ]
        if not rows:
            return "no message is dead"
        shown = table(("message", "webhook", "topic", "of", "attempts", "why"), rows)
        return f"{shown}\n{'there are more; ' if told['next'] else ''}next: ganglion dlq replay MESSAGE"

    return Result(data=told, text=text)


def _show(one: Mapping[str, Any]) -> Result:
    def text() -> str:
        lines = [
            f"{plain(one['message'])} for {plain(one['webhook']['name'])} ({plain(one['webhook']['id'])})",
            f"event {plain(one['event'])}: {plain(one['topic'])}, class {plain(one['class'])}",
            plain(json.dumps(one["value"], ensure_ascii=False)),
        ]
        rows = [
            (moment(each["at"]), f"{each['took'] / 1e6:.0f} ms", str(each["status"] or "-"), plain(each["error"]))
            for each in one["attempted"]
        ]
        return "\n".join([*lines, table(("attempt", "took", "status", "error"), rows)])

    return Result(data=one, text=text)

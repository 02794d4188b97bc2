# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the language models of the gateway, what is left of their budgets, and what was used."""

import argparse
from collections.abc import Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain
from ganglion.client.operations import models
from ganglion.units import SECOND


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion models list|usage`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    listing = verbs.add_parser("list", parents=[common], help="the models, as they are asked, and today's budgets")
    usage = verbs.add_parser("usage", parents=[common], help="what was used of them")
    usage.add_argument("--by", choices=("day", "node", "script", "model"), default="model", help="default: model")
    usage.add_argument("--since", metavar="DAY", help="the first day of UTC, as in 2026-11-22; default: 30 days ago")
    usage.add_argument("--until", metavar="DAY", help="the last one; default: today")
    for verb in (listing, usage):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 4 a day or the token is refused, 5 no gateway answers."""
    client = gateway_client.find(args)
    if args.verb == "list":
        return _list(client.whole(models.get_models(), "models"))
    asked = models.get_models_usage(by=args.by, since=args.since, until=args.until)
    return _usage(client.whole(asked, "usage"))


def _list(told: Mapping[str, Any]) -> Result:
    def text() -> str:
        if not told["models"]:
            return "no model: scripts take their `otherwise`; GANGLION_LLM_URL or --models gives the gateway some"
        currency = plain(told["currency"])
        rows = [
            (
                plain(one["name"]),
                plain(one["model"]) or "-",
                plain(one["url"]),
                f"{one['prompt_price']:g} / {one['completion_price']:g}",
            )
            for one in told["models"]
        ]
        lines = [table(("name", "model", "url", f"{currency} a million tokens"), rows)]
        if told["budgets"]:
            budgets = [
                (
                    f"{one['of']} {plain(one['name'])}".strip(),
                    _of(one["used"]["tokens"], one["tokens"]),
                    _of(round(one["used"]["cost"], 4), one["cost"]),
                )
                for one in told["budgets"]
            ]
            lines.append(table(("budget of today", "tokens", currency), budgets))
        if told["cache"]:
            lines.append(f"answers are kept for {told['cache']['ttl'] / SECOND:g} s in the {told['cache']['kept_in']}")
        return "\n".join(lines)

    return Result(data=told, text=text)


def _of(used: float, limit: float | None) -> str:
    return f"{used:,.10g}" if limit is None else f"{used:,.10g} of {limit:,.10g}"


def _usage(told: Mapping[str, Any]) -> Result:
    def text() -> str:
        by = told["by"]
        rows = [
            (
                plain(one.get("name") or one[by]) or "-",
                *(str(one[name]) for name in ("questions", "cached", "prompt_tokens", "completion_tokens")),
                f"{one['cost']:.4f}",
            )
            for one in told["usage"]
        ]
        if not rows:
            return f"no model was asked from {plain(told['since'])} to {plain(told['until'])}"
        return table((by, "questions", "cached", "tokens in", "tokens out", plain(told["currency"])), rows)

    return Result(data=told, text=text)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what nodes log: warnings and errors that the gateway keeps, and with -f everything as it comes."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags, option
from ganglion.cli.result import Result
from ganglion.cli.show import plain, second
from ganglion.client.operations import logs as api
from ganglion.errors import UsageError

_LEVELS = ("debug", "info", "warning", "error")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion logs [NODE|PARENT/LEAF] [--where SELECTOR] [-f] [--since TIME] [--level LEVEL]`."""
    parser.add_argument("node", nargs="?", metavar="NODE", help="its name or id, or PARENT/LEAF; default: every node")
    parser.add_argument("--where", metavar="SELECTOR", help="those that are meant, as in tag=fridge")
    parser.add_argument("-f", "--follow", action="store_true", help="show what is logged from now on, until Ctrl-C")
    parser.add_argument("--since", metavar="TIME", help="what the gateway keeps of this time, as in 1h; default: 24h")
    parser.add_argument("--level", choices=_LEVELS, help="the least to show; default: warning, with -f info")
    parser.add_argument("--count", type=int, metavar="N", help="end after so many records")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result | None:
    """Exit codes: 0 ok, 3 no such node, 4 refused, 5 no gateway answers, or it broke off, 130 Ctrl-C."""
    if args.node is not None and args.where is not None:
        raise UsageError("give a NODE or --where, not both")
    if args.count is not None and args.count < 1:
        raise UsageError(f"--count {args.count}: at least 1")
    client = gateway_client.find(args)
    whose = {name: value for name in ("node", "where") if (value := getattr(args, name)) is not None}
    if not args.follow:
        records = list(_kept(client, args, whose, "24h"))
        if args.count is not None:
            records = records[-args.count :]
        return Result(data={"records": records}, text=lambda: "\n".join(map(_text, records)) or _none(args))
    shown = 0
    for record in _following(client, args, whose):
        if "dropped" in record:
            print(f"ganglion: {record['dropped']} records were too fast for this terminal", file=sys.stderr)
            continue
        print(json.dumps(record, ensure_ascii=False) if args.json else _text(record), flush=True)
        shown += 1
        if shown == args.count:
            return None
    return None


def _kept(
    client: gateway_client.GatewayClient, args: argparse.Namespace, whose: dict[str, str], default: str
) -> Iterator[Mapping[str, Any]]:
    """Those that the gateway keeps, the oldest first."""
    age = option.duration(args.since or default, "--since")
    level = args.level if args.level == "error" else "warning"
    query: dict[str, Any] = {**whose, "since": max(0, time.time_ns() - age), "level": level, "limit": 500}
    found: list[Mapping[str, Any]] = []
    cursor = ""
    while True:
        page = client.ask(api.get_logs(**query, cursor=cursor or None))
        found += page["records"]
        cursor = page["next"] or ""
        if not cursor or (args.count is not None and len(found) >= args.count):
            break
    yield from sorted(found, key=lambda record: record["at"])


def _following(
    client: gateway_client.GatewayClient, args: argparse.Namespace, whose: dict[str, str]
) -> Iterator[Mapping[str, Any]]:
    if args.since is not None:
        yield from _kept(client, args, whose, args.since)
    asked = api.get_logs_watch(where=whose.get("where"), node=whose.get("node"), level=args.level or "info")
    yield from gateway_client.endless(client, asked)


def _none(args: argparse.Namespace) -> str:
    return (
        f"nothing that is kept of the last {args.since or '24h'}; `ganglion logs -f` shows what is logged from now on"
    )


def _text(record: Mapping[str, Any]) -> str:
    name = f"{record['name']}/{record['leaf']}" if record["leaf"] else record["name"]
    first, *rest = str(record["text"]).split("\n")
    lost = f"({record['lost']} before it were left out) " if record.get("lost") else ""
    head = (
        f"{second(record['at'])}  {plain(name)}  {record['level']:<7}  {lost}{plain(record['logger'])}: {plain(first)}"
    )
    return "\n".join([head, *(f"    {plain(line)}" for line in rest)])

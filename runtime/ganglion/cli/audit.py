# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows who did what at the gateway: users, API keys, nodes that joined, and language models."""

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags, option
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain, second
from ganglion.client.operations import audit
from ganglion.errors import UsageError

#: Entries that are shown where nothing is said.
_COUNT = 50
#: Of one page.
_PAGE = 200


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion audit`."""
    parser.add_argument("--action", metavar="ACTION", help="what was done, as in node.revoke; default: all")
    parser.add_argument("--since", metavar="TIME", help="of this time, as in 7d; default: as long as it is kept")
    parser.add_argument("--count", type=option.whole, default=_COUNT, metavar="N", help="so many; default: 50")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Shows the newest entries first. Exit codes: 0 ok, 2 wrong usage, 4 no right, 5 no gateway answers."""
    if args.count < 1:
        raise UsageError(f"--count: {args.count} entries cannot be shown: 1 at least")
    since = 0 if args.since is None else time.time_ns() - option.duration(args.since, "--since")
    client = gateway_client.find(args)
    asked = audit.get_audit(action=args.action, limit=min(args.count, _PAGE))
    found: list[Mapping[str, Any]] = []
    for entry in client.pages(asked, "entries"):
        if entry["at"] < since or len(found) == args.count:
            break
        found.append(entry)

    def text() -> str:
        rows = [(second(each["at"]), *map(plain, _words(each))) for each in found]
        return table(("at", "who", "did", "to", "what"), rows) if rows else "nobody did such a thing"

    return Result(data={"entries": found}, text=text)


def _words(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    detail = ", ".join(f"{name}: {_value(value)}" for name, value in entry["detail"].items())
    return entry["actor"], entry["action"], entry["target"] or "-", detail or "-"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

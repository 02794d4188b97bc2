# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the path of an alert, from the sensor to the webhook, with times."""

import argparse
from collections.abc import Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import clock, plain
from ganglion.client.operations import events


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion trace --last` and `ganglion trace ID`."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--last", action="store_true", help="the newest alert")
    which.add_argument("id", nargs="?", metavar="ID", help="of an event, <node>-<epoch>-<number>")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Fetches the trace. Exit codes: 0 ok, 3 there is no such event."""
    wanted = events.get_traces_last() if args.last else events.get_traces_event(args.id)
    trace = gateway_client.find(args).ask(wanted)
    return Result(data=trace, text=lambda: _text(trace))


def _text(trace: Mapping[str, Any]) -> str:
    event = trace["event"]
    rows = [
        (
            "" if line["at"] is None else clock(line["at"]),
            _took(line["took_ms"]) if line["status"] == "done" else plain(line["status"]),
            plain(line["stage"]),
            plain(line["detail"]),
        )
        for line in trace["lines"]
    ]
    head = f"{plain(event['topic'])} {plain(event['value'])} ({plain(event['id'])}): {plain(trace['status'])}"
    return f"{head}\n{table(('at', 'took', 'stage', 'detail'), rows)}"


def _took(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.1f} ms"

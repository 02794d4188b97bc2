# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a run did, step by step: one of this machine, of a file, or of a node."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_flags
from ganglion.cli.mova_run import last_run, remarks
from ganglion.cli.result import Result, table
from ganglion.cli.show import clock, plain
from ganglion.errors import InvalidError, NotFoundError, UsageError, no_json, unread
from ganglion.mova.episode import checked
from ganglion.units import MILLISECOND


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova trace [FILE]` and `ganglion mova trace --node NODE [--run ID | --last]`."""
    verb = verbs.add_parser("trace", parents=[common], help="show what a run did, step by step; without more the last")
    verb.add_argument("file", nargs="?", metavar="FILE", help="from `mova run --trace FILE`; - for stdin")
    verb.add_argument("--node", metavar="NODE", help="a run of this node, which the gateway knows")
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="ID", help="of a run; default: the last one")
    which.add_argument("--last", action="store_true", help="the last one")
    gateway_flags.arguments(verb)


def shown(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 1 that is no trace, 3 there is none.

    Raises:
        UsageError: a file and a node are named, or a run of no node.
    """
    if args.node is None:
        if args.run is not None:
            raise UsageError("--run is the id of a run of a node: say which with --node")
        trace = read(args.file)
    else:
        if args.file is not None:
            raise UsageError("give a FILE or --node, not both")
        from ganglion.cli import gateway_client
        from ganglion.client.operations import fleet

        run = "last" if args.run is None else args.run
        wanted = fleet.get_nodes_node_episodes_run(args.node, run)
        trace = checked(gateway_client.find(args).ask(wanted), where=f"run {run} of {args.node}")
    return Result(data=trace, text=lambda: _text(trace))


def read(file: str | None) -> dict[str, Any]:
    """The trace in a file, on stdin for `-`, or of the last run on this machine for None.

    Raises:
        NotFoundError: there is no such file, or nothing was run here yet.
        InvalidError: it is no trace.
    """
    path = last_run() if file is None else Path(file)
    where = "stdin" if file == "-" else str(path)
    try:
        text = sys.stdin.read() if file == "-" else path.read_text(encoding="utf-8")
        document = json.loads(text)
    except FileNotFoundError:
        said = f"{path}: there is no such file" if file else "nothing was run here yet: see `ganglion mova run`"
        raise NotFoundError(said) from None
    except OSError as error:
        raise InvalidError(unread(error), where=where) from None
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"is no trace: it {no_json(error)}", where=where) from None
    return checked(document, where=where)


def _text(trace: dict[str, Any]) -> str:
    started = trace["started"]
    by = f" by {trace['trigger']}" if trace.get("trigger") else ""
    event = trace["event"]
    lines = [
        plain(f"{trace['script']}/{trace['protocol']}{by}: {trace['status']}")
        + f" after {_ms(trace['ended'] - started)} at {clock(started)}",
        " ".join(["on", *filter(None, (plain(event.get("topic")), plain(event.get("value"))))]),
        "",
    ]
    rows = [
        (
            "+" + _ms(step["started"] - started),
            _ms(step["ended"] - step["started"]),
            step["attempts"],
            plain(step["id"]),
            plain(step["action"]),
            plain(step["status"]),
            _detail(step["detail"]),
        )
        for step in trace["steps"]
    ]
    lines.append(table(("at", "took", "tries", "step", "action", "status", "detail"), rows))
    lines += remarks(trace)
    if trace.get("error"):
        lines.append(f"error: {plain(trace['error'])}")
    return "\n".join(lines)


def _ms(ns: int) -> str:
    return f"{ns / MILLISECOND:.1f} ms"


def _detail(detail: dict[str, Any]) -> str:
    told = ((plain(key), plain(value)) for key, value in detail.items() if key != "missing")
    return ", ".join(f"{key} {value}" for key, value in told if value)

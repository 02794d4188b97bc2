# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what flows through a node: topics, rates, who is told, what waits and what was lost."""

import argparse
import json
import math
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ganglion.cli import events, gateway_client, gateway_flags
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain
from ganglion.errors import GanglionError, UsageError

#: Seconds that the node waits for an event, of those that it has for its answer.
_WAIT = 4.0
#: Lines of each table that `top` shows.
_LINES = 15


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion bus stats|top|watch NODE`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    stats = verbs.add_parser("stats", parents=[common], help="the counters since the node started")
    top = verbs.add_parser("top", parents=[common], help="the rates now, again and again")
    top.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="between two looks; default: 2")
    top.add_argument("--count", type=int, metavar="N", help="end after so many looks")
    watch = verbs.add_parser(
        "watch", parents=[common], help="the events of its bus as they come, those it keeps for itself too"
    )
    for verb in (stats, top, watch):
        verb.add_argument("node", metavar="NODE", help="its name or id")
        gateway_flags.arguments(verb)
    events.arguments(watch, example="sensor/# or mqtt/#")
    watch.add_argument("--type", default="", metavar="TYPE", help="a filter of types, as in 'signal.input.external.*'")


def run(args: argparse.Namespace) -> Result | None:
    """Asks the node. Exit codes: 0 ok, 3 no such node, 5 the node does not answer."""
    gateway = gateway_client.find(args)
    if args.verb == "watch":
        events.show(_watch(gateway, args), args)
        return None
    if args.verb == "stats":
        statistics = _ask(gateway, args.node)
        return Result(data=statistics, text=lambda: _text(statistics, statistics["busiest"], "events"))
    if not 0.1 <= args.every <= 3600 or (args.count is not None and args.count < 1):
        raise UsageError("--every is 0.1 to 3600 seconds, and --count at least 1")
    _follow(gateway, args)
    return None


def _follow(gateway: GatewayClient, args: argparse.Namespace) -> None:
    before, then = _ask(gateway, args.node), time.monotonic()
    looks = 0
    while args.count is None or looks < args.count:
        time.sleep(args.every)
        now, at = _ask(gateway, args.node), time.monotonic()
        rates = _rates(before, now, at - then)
        if args.json:
            print(json.dumps({**now, "rates": rates}, ensure_ascii=False), flush=True)
        else:
            rows = [{"topic": topic, "emitted": f"{rate:.1f}"} for topic, rate in rates.items() if rate]
            print(_text(now, rows[:_LINES], "events/s") + "\n", flush=True)
        before, then, looks = now, at, looks + 1


def _watch(gateway: GatewayClient, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    where = {} if args.where is None else {"where": events.where(args.where)}
    return follow(gateway, args.node, {"topic": args.topic, "type": args.type, **where})


def follow(
    gateway: GatewayClient, node: str, params: Mapping[str, Any], *, until: float = math.inf
) -> Iterator[dict[str, Any]]:
    """The events of a node's bus, and `{"dropped": n}` where it had more than it could keep until it was asked.

    Args:
        params: `topic`, `type` and `where`, as the method `bus.watch` takes them.
        until: When it ends, by `time.monotonic`.
    """
    id = secrets.token_hex(8)
    try:
        while (left := until - time.monotonic()) > 0:
            answer = gateway.command(node, "bus.watch", {"id": id, "wait": min(_WAIT, left), **params})["result"]
            yield from answer["events"]
            if answer["dropped"]:
                yield {"dropped": answer["dropped"]}
    finally:
        with suppress(GanglionError):  # else the node forgets it in half a minute
            gateway.command(node, "bus.watch", {"id": id, "end": True}, timeout=1.0)


def _rates(before: Mapping[str, Any], now: Mapping[str, Any], seconds: float) -> dict[str, float]:
    """Events a second of each topic, the most first; a node that started anew began at 0.

    A node does not list more than its busiest topics, so of one that was not among them nothing is known.
    """
    is_new = now["emitted"] < before["emitted"]
    old = {} if is_new else {topic["topic"]: topic["emitted"] for topic in before["busiest"]}
    is_whole = is_new or len(before["busiest"]) >= before["topics"]
    rates = {
        topic["topic"]: round(max(0, topic["emitted"] - old.get(topic["topic"], 0)) / seconds, 3)
        for topic in now["busiest"]
        if is_whole or topic["topic"] in old
    }
    return dict(sorted(rates.items(), key=lambda item: (-item[1], item[0])))


def _ask(gateway: GatewayClient, node: str) -> dict[str, Any]:
    statistics: dict[str, Any] = gateway.command(node, "bus.statistics", {})["result"]
    return statistics


def _text(statistics: Mapping[str, Any], topics: list[dict[str, Any]], unit: str) -> str:
    names = ("emitted", "delivered", "dropped", "failed")
    head = f"{plain(statistics['backend'])} bus: " + ", ".join(f"{plain(statistics[name])} {name}" for name in names)
    rows = [(plain(topic["emitted"]), plain(topic["topic"])) for topic in topics]
    told = [
        (plain(each["delivered"]), plain(each["failed"]), *_queue(each["queue"]), plain(each["filter"]))
        for each in statistics["told"][:_LINES]
    ]
    return "\n".join(
        [head, "", table([unit, "topic"], rows), "", table(["told", "failed", "waiting", "dropped", "filter"], told)]
    )


def _queue(queue: Mapping[str, Any] | None) -> tuple[str, str]:
    """How many wait in it, and how many it had no room for."""
    if queue is None:
        return "", ""
    return f"{plain(queue['waiting'])} of {plain(queue['capacity'])}", plain(queue["dropped"])

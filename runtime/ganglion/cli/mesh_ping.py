# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a member whether it is there, and shows how long each answer took, as ping(8) does."""

import argparse
import itertools
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags, option
from ganglion.cli.mesh_peers import milliseconds
from ganglion.cli.show import plain
from ganglion.errors import GanglionError, UnreachableError, UsageError
from ganglion.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

#: How a member says that a round has taken so long.
_TOOK = re.compile(r"(\d{1,9}\.\d{3}) ms")
#: Seconds that a request for several rounds may take in all, and one round at most.
_ALL, _ROUND = 240.0, 5.0


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh ping NODE [--from NODE] [--count N] [--interval TIME] [--size BYTES]`."""
    verb = verbs.add_parser("ping", parents=[common], help="ask a node again and again whether it is there")
    verb.add_argument("node", metavar="NODE", help="its name or id; from a node, `gateway` too")
    verb.add_argument("--from", dest="source", metavar="NODE", help="who asks; default: the gateway")
    verb.add_argument("--count", type=int, metavar="N", help="end after so many; default: with Ctrl-C")
    verb.add_argument("--interval", default="1s", metavar="TIME", help="from one to the next; default: 1s")
    verb.add_argument("--size", type=int, default=0, metavar="BYTES", help="that go there and come back; default: 0")
    gateway_flags.arguments(verb)
    verb.set_defaults(perform=ping)


def ping(args: argparse.Namespace) -> int:
    """A line a round and statistics at the end, also after Ctrl-C; with `--json` a document a line.

    Exit codes: 0 some answer came, 3 no such node, 5 none came, or who is to ask does not answer.

    Raises:
        UsageError: a number out of bounds.
    """
    from ganglion.cli import gateway_client
    from ganglion.mesh.looking import MAX_INTERVAL, MAX_SIZE, MIN_INTERVAL

    interval = option.duration(args.interval, "--interval") / SECOND
    if not MIN_INTERVAL <= interval <= MAX_INTERVAL or not 0 <= args.size <= MAX_SIZE:
        raise UsageError(f"--interval is {MIN_INTERVAL:g} to {MAX_INTERVAL:g} s, and --size at most {MAX_SIZE}")
    if args.count is not None and args.count < 1:
        raise UsageError(f"--count {args.count}: at least 1")
    rounds = Rounds(as_json=args.json)
    with suppress(KeyboardInterrupt):
        _follow(gateway_client.find(args), args, interval, rounds)
    return 0 if rounds.end() else UnreachableError.exit_code


def _follow(gateway: "GatewayClient", args: argparse.Namespace, interval: float, rounds: "Rounds") -> None:
    """So many rounds a request as it has time for, until there were enough."""
    most = min(60, max(1, int(_ALL / max(interval, _ROUND))))
    left = itertools.repeat(most) if args.count is None else _parts(args.count, most)
    for count in left:
        params = {"to": args.node, "count": count, "size": args.size, "interval": interval}
        rounds.begin()
        answer = ask(gateway, args.source, params, rounds.progress)
        rounds.rest(answer)


def _parts(count: int, most: int) -> list[int]:
    return [most] * (count // most) + ([count % most] if count % most else [])


def ask(
    gateway: "GatewayClient",
    source: str | None,
    params: Mapping[str, Any],
    on_progress: Callable[[Mapping[str, Any]], object],
) -> Any:
    """What comes of `mesh.ping` at a node, or with None at the gateway. Raises: see `GatewayClient.post`."""
    from ganglion.client.operations import mesh

    timeout = params["count"] * max(params["interval"], _ROUND) + _ROUND
    if source is None:
        return gateway.told(mesh.post_mesh_ping(**params), on_progress)
    return gateway.command(source, "mesh.ping", params, timeout=timeout, on_progress=on_progress)["result"]


class Rounds:
    """What came of the rounds so far, shown as it comes."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._took: list[int | None] = []
        self._before = 0

    def begin(self) -> None:
        """Another request: its rounds count from 1."""
        self._before = len(self._took)

    def progress(self, said: Mapping[str, Any]) -> None:
        """A round is over. One of which no word came has its place, and is seen in the answer."""
        done = said.get("done")
        if type(done) is int and len(self._took) == self._before + done - 1:
            text = said.get("text")
            match = _TOOK.fullmatch(text) if isinstance(text, str) else None
            self._show(round(float(match[1]) * MILLISECOND) if match else None, "" if match else plain(text))

    def rest(self, answer: Any) -> None:
        """Shows the rounds of the answer of which no word has come.

        Raises:
            GanglionError: it is no answer to a ping.
        """
        rounds = answer.get("rounds") if isinstance(answer, dict) else None
        if not isinstance(rounds, list) or any(type(each) not in (int, type(None)) for each in rounds):
            raise GanglionError("the answer to mesh.ping is none")
        for took in rounds[len(self._took) - self._before :]:
            self._show(took, "")

    def _show(self, took: int | None, why: str) -> None:
        self._took.append(took)
        number = len(self._took)
        if self._as_json:
            print(json.dumps({"seq": number, "rtt": took, **({"error": why} if why else {})}), flush=True)
        elif took is None:
            print(f"seq={number} {why or 'no answer'}", flush=True)
        else:
            print(f"seq={number} time={milliseconds(took)}", flush=True)

    def end(self) -> bool:
        """Shows the statistics; whether any answer came."""
        from ganglion.mesh.looking import summary

        told = summary(self._took)
        if self._as_json:
            print(json.dumps(told), flush=True)
            return bool(told["received"])
        if self._took:
            print(f"{told['sent']} sent, {told['received']} received, {told['loss']:.0%} lost")
        if told["received"]:
            print(f"min/avg/max {'/'.join(milliseconds(told[name])[:-3] for name in ('min', 'avg', 'max'))} ms")
        return bool(told["received"])

# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the way from one member to another hop by hop: each is asked for its next hop."""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ganglion.cli import gateway_flags
from ganglion.cli.mesh_peers import ask as ask_routes
from ganglion.cli.mesh_peers import called, milliseconds, rows
from ganglion.cli.mesh_ping import ask as ask_ping
from ganglion.cli.show import plain
from ganglion.errors import GanglionError, RefusedError

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

#: Hops after which the way is given up.
LONGEST = 32

Document = dict[str, Any]


class Answer(NamedTuple):
    """What came of asking a hop whether it is there.

    Attributes:
        came: Whether it answered, as far as could be asked.
        rtt: Nanoseconds there and back; None where that could not be measured.
    """

    came: bool
    rtt: int | None


class Hop(NamedTuple):
    """One hop.

    Attributes:
        id: The member that it leads to.
        name: What that is called.
        link: As the member before calls it.
        metric: The distance from the member before to the end; None over a broker.
        answer: Of the member that it leads to.
    """

    id: str
    name: str
    link: str
    metric: int | None
    answer: Answer


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh trace NODE [--from NODE]`."""
    verb = verbs.add_parser("trace", parents=[common], help="the way to a node, hop by hop")
    verb.add_argument("node", metavar="NODE", help="its name or id, or `gateway`")
    verb.add_argument("--from", dest="source", metavar="NODE", help="where the way begins; default: the gateway")
    gateway_flags.arguments(verb)
    verb.set_defaults(perform=trace)


def trace(args: argparse.Namespace) -> int:
    """A line a hop, and at the end where it ends; with `--json` a document a line.

    Exit codes: 0 it leads there, 1 it does not, 3 no such node, 5 the gateway or where it begins does not answer.
    """
    from ganglion.cli import gateway_client
    from ganglion.client.operations import fleet

    gateway = gateway_client.find(args)
    own = ask_routes(gateway, None, "routes")["member"]

    def identity(who: str) -> str:
        if who in ("gateway", own["id"], own["name"]):
            return str(own["id"])
        return str(gateway.ask(fleet.get_nodes_node(who))["id"])

    source = str(own["id"]) if args.source is None else identity(args.source)
    target = identity(args.node)

    def routes(at: str, to: str) -> Document:
        node = None if at == own["id"] else at
        told = ask_routes(gateway, node, "routes")
        if told.get("left_out") and node is not None and not _row(told, to, own["id"]):
            told = ask_routes(gateway, node, "routes", {"to": to})
        return told

    def ping(to: str) -> Answer:
        params = {"to": to, "count": 1, "size": 0, "interval": 1.0}
        try:
            (took,) = ask_ping(gateway, None if source == own["id"] else source, params, lambda said: None)["rounds"]
        except RefusedError:  # a token that may only look
            return Answer(True, None)
        except (GanglionError, KeyError, TypeError, ValueError):
            return Answer(False, None)
        return Answer(took is not None, took if isinstance(took, int) else None)

    walk = follow(routes, ping, source, target, gateway=own["id"])
    verdict = _shown(walk, as_json=args.json)
    reached = verdict == ""
    if args.json:
        print(json.dumps({"reached": reached, "why": verdict}, ensure_ascii=False), flush=True)
    elif not reached:
        print(f"ends here: {verdict}", flush=True)
    return 0 if reached else 1


def follow(
    routes: Callable[[str, str], Mapping[str, Any]],
    ping: Callable[[str], Answer],
    source: str,
    target: str,
    *,
    gateway: str,
) -> Iterator[Hop | str]:
    """The hops in their order, and at last why it ends, "" where it leads there.

    Args:
        routes: What a member answers to `mesh.routes`: its id, and where to.
        ping: Asks a member whether it is there, from where the way begins.
        source: Id of the member where it begins.
        target: And of the one where it is to end.
        gateway: Id of the gateway, which members call `gateway` in their routes.

    Raises:
        GanglionError: where it begins there is no answer.
    """
    at, name, been = source, "", {source}
    for _ in range(LONGEST):
        if at == target:
            yield ""
            return
        try:
            told = routes(at, target)
        except GanglionError as error:
            if at == source:
                raise
            yield f"{name} does not say its next hop: {plain(str(error))}"
            return
        row = _row(told, target, gateway)
        if row is None:
            yield f"{called(told.get('member'))} has no way there"
            return
        hop = row["next"]
        at, name = hop["id"], called(hop)
        metric = row.get("metric")
        answer = ping(at) if at != source else Answer(True, 0)
        yield Hop(at, name, plain(row.get("link")), metric if type(metric) is int else None, answer)
        if at in been:
            yield f"a loop, {name} was passed before"
            return
        if not answer.came and at == target:
            yield f"{name} does not answer"
            return
        been.add(at)
    yield f"after {LONGEST} hops it is not there"


def _row(told: Mapping[str, Any], target: str, gateway: str) -> Document | None:
    """The route to the target with a next hop that is one."""
    wanted = ("gateway", target) if target == gateway else (target,)
    for row in rows(told, "routes"):
        hop = row.get("next")
        if row.get("id") in wanted and isinstance(hop, dict) and isinstance(hop.get("id"), str) and hop["id"]:
            return row
    return None


def _shown(walk: Iterator[Hop | str], *, as_json: bool) -> str:
    """Prints the hops as they come; why it ends."""
    for number, step in enumerate(walk, 1):
        if isinstance(step, str):
            return step
        if as_json:
            hop = {"id": step.id, "name": step.name, "link": step.link, "metric": step.metric}
            hop |= {"answers": step.answer.came, "rtt": step.answer.rtt}
            print(json.dumps({"hop": number, **hop}, ensure_ascii=False), flush=True)
        else:
            took = "*" if not step.answer.came else milliseconds(step.answer.rtt) or "not measured"
            metric = "" if step.metric is None else f"  metric {step.metric}"
            print(f"{number:2}  {step.name}  {step.link}{metric}  {took}", flush=True)
    return "nothing was asked"

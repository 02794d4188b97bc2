# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the members that a member has heard of, and by which way it reaches each: its peers, its routes."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.errors import GanglionError
from ganglion.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

Document = dict[str, Any]


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh peers|routes [NODE]`."""
    peers = verbs.add_parser("peers", parents=[common], help="members that were heard of, and how each is reached")
    routes = verbs.add_parser("routes", parents=[common], help="the next hop to each member")
    for verb, perform in ((peers, show_peers), (routes, show_routes)):
        verb.add_argument("node", metavar="NODE", nargs="?", help="its name or id; default: the gateway itself")
        gateway_flags.arguments(verb)
        verb.set_defaults(perform=perform)


def show_peers(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 3 no such node, 5 the node does not answer."""
    told = _asked(args, "peers")
    return Result(data=told, text=lambda: _peers(told))


def show_routes(args: argparse.Namespace) -> Result:
    """Exit codes: see `show_peers`."""
    told = _asked(args, "routes")
    return Result(data=told, text=lambda: _routes(told))


def _asked(args: argparse.Namespace, what: str) -> Document:
    from ganglion.cli import gateway_client

    gateway = gateway_client.find(args)
    return ask(gateway, args.node, what)


def ask(gateway: "GatewayClient", node: str | None, what: str, params: Mapping[str, Any] | None = None) -> Document:
    """What a node, or with None the gateway, answers to `mesh.peers` or `mesh.routes`.

    Raises:
        GanglionError: it is no such answer; see `GatewayClient.post` for the others.
    """
    from ganglion.client.operations import mesh

    told: Any
    if node is None:
        told = gateway.ask(mesh.get_mesh_peers() if what == "peers" else mesh.get_mesh_routes())
    else:
        told = gateway.command(node, f"mesh.{what}", params or {})["result"]
    if not isinstance(told, dict) or not isinstance(told.get("member"), dict) or not isinstance(told.get(what), list):
        raise GanglionError(f"what {node or 'the gateway'} answers to mesh.{what} is no list of {what}")
    return told


def rows(told: Mapping[str, Any], name: str) -> list[Document]:
    """The rows of an answer; what a node puts there that is none is left out."""
    return [row for row in told.get(name, ()) if isinstance(row, dict)]


def called(member: Any) -> str:
    """A member's name, or where it has shown none its id."""
    return plain(member.get("name") or member.get("id") or "") if isinstance(member, dict) else ""


def milliseconds(took: Any) -> str:
    """Nanoseconds, as ping(8) shows them."""
    return f"{took / MILLISECOND:.3f} ms" if isinstance(took, int | float) else ""


def _peers(told: Document) -> str:
    shown = []
    for row in rows(told, "peers"):
        near = rows(row, "neighbour")
        boot = (plain(row.get("epoch")), _born(row.get("born")))
        who = (called(row), plain(row.get("id")), plain(row.get("role")), *boot, way(row))
        shown.append((*who, *_near(near[0] if near else {})))
        shown += [("", "", "", "", "", plain(each.get("link")), *_near(each)) for each in near[1:]]
    head = ("member", "id", "role", "epoch", "born", "reached", "cost", "rx", "tx", "rtt", "heard", "address")
    return _with_rest(table(head, shown), told)


def way(row: Mapping[str, Any]) -> str:
    """How somebody is reached, in words."""
    over, link, hop = row.get("over"), plain(row.get("link")), called(row.get("next"))
    if over == "broker":
        return "broker"
    if over == "neighbour":
        return f"neighbour on {link}"
    return f"via {hop} on {link}" if over == "relay" else "no way"


def _near(one: Mapping[str, Any]) -> tuple[str, ...]:
    if not one:
        return ("",) * 6
    cost = plain(one.get("cost")) if one.get("up") is True else "down"
    silence = one.get("silence")
    heard = f"{silence / SECOND:.1f} s ago" if isinstance(silence, int | float) else ""
    shares = (_share(one.get("rx")), _share(one.get("tx")))
    return cost, *shares, milliseconds(one.get("rtt")), heard, plain(one.get("address"))


def _born(at: Any) -> str:
    return moment(at) if isinstance(at, int) and 0 <= at < 1 << 63 else ""


def _share(of: Any) -> str:
    return f"{of:.0%}" if isinstance(of, int | float) else ""


def _routes(told: Document) -> str:
    shown = [
        (
            # The anycast is no member: whichever gateway is nearest
            "any gateway" if row.get("id") == "gateway" else called(row),
            called(row.get("next")),
            plain(row.get("link")),
            plain(row.get("metric")),
        )
        for row in rows(told, "routes")
    ]
    return _with_rest(table(("to", "next hop", "link", "metric"), shown), told)


def _with_rest(text: str, told: Document) -> str:
    left = told.get("left_out")
    return f"{text}\n{left} more, for which an answer has no room" if isinstance(left, int) and left > 0 else text

# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the fleet: which nodes there are, how each is and why, and the tags by which they are selected."""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import ago, moment, plain
from ganglion.client.operations import fleet as api
from ganglion.errors import UsageError
from ganglion.units import SECOND

#: What of the vitals is shown, how it is called, and how its value is written.
_UNITS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("rss", "memory of the node", lambda value: f"{value / 2**20:.1f} MiB"),
    ("available", "memory free there", lambda value: f"{value / 2**20:.0f} MiB"),
    ("disk", "disk free there", lambda value: f"{value / 2**20:.0f} MiB"),
    ("load", "load", lambda value: f"{value:.2f}"),
    ("temperature", "temperature", lambda value: f"{value:.0f} °C"),
    ("signal", "signal", lambda value: f"{value} dBm"),
    ("up", "runs for", lambda value: _span(value)),
    ("boot", "machine runs for", lambda value: _span(value)),
    ("reset", "began because of", plain),
    ("spool", "events that wait", plain),
    ("lost", "events lost", plain),
    ("uptime_s", "runs for", lambda value: _span(value)),
    ("heap_free", "heap free", lambda value: f"{value / 1024:.0f} KiB"),
)

#: How a node may be, the worst first.
_HEALTH = ("revoked", "away", "bad", "warning", "asleep", "ok")
#: Nodes of a list from which on it is also said how many are how.
_MANY = 20

#: Options by the fields of the API that they give.
FIELDS = {"add": "+TAG", "remove": "-TAG", "tags": "+TAG|-TAG"}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion fleet list|show|tag|why`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    listing = verbs.add_parser("list", parents=[common], help="every node, how it is and when it was heard")
    listing.add_argument("--where", metavar="SELECTOR", help="those that are meant, as in 'tag=fridge and online=no'")
    listing.add_argument("--health", choices=_HEALTH, help="those that are so")
    show = verbs.add_parser("show", parents=[common], help="all that is known of a node")
    why = verbs.add_parser("why", parents=[common], help="why a node is as it is, and what to do about it")
    tag = verbs.add_parser("tag", parents=[common], help="give a node tags, or take some away")
    for verb in (show, why, tag):
        verb.add_argument("node", metavar="NODE", help="its name or id")
    for verb in (listing, show, why, tag):
        gateway_flags.arguments(verb)
    # A tag that goes looks as an option does: so all that follows the node is read here
    tag.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="+TAG|-TAG", help="+TAG gives it one, -TAG takes it away"
    )


def run(args: argparse.Namespace) -> Result:
    """Runs the verb. Exit codes: 0 ok, 1 `why` found something bad, 3 no such node, 4 refused, 5 no gateway answers."""
    match args.verb:
        case "list":
            return _list(gateway_client.find(args), args.where, args.health)
        case "show":
            return _show(gateway_client.find(args).ask(api.get_nodes_node(args.node)))
        case "tag":
            return _tag(args)
    return _why(gateway_client.find(args).ask(api.get_nodes_node_why(args.node)))


def _list(client: gateway_client.GatewayClient, where: str | None, health: str | None) -> Result:
    nodes = list(client.pages(api.get_nodes(where=where, health=health), "nodes"))
    now = time.time_ns()

    def text() -> str:
        if not nodes:
            return (
                "no node is meant"
                if (where or health) is not None
                else "no node has joined yet; see `ganglion enrol-key create`"
            )
        rows = []
        for node in nodes:
            rows.append(_row(node, node["name"], node["health"], node.get("vitals", {}), ", ".join(node["tags"]), now))
            for leaf in node["leaves"]:
                state = "ok" if leaf["online"] else "away"
                rows.append(_row(leaf, f"{node['name']}/{leaf['name']}", state, leaf["vitals"], "", now))
        shown = table(("name", "health", "heard", "up", "memory", "board", "software", "tags"), rows)
        if len(nodes) < _MANY:
            return shown
        counts = Counter(node["health"] for node in nodes)
        how = ", ".join(f"{counts[word]} {word}" for word in reversed(_HEALTH) if counts[word])
        return f"{shown}\n{len(nodes)} nodes: {how}"

    return Result(data={"nodes": nodes}, text=text)


def _row(
    device: dict[str, Any], name: str, health: str, vitals: dict[str, Any], tags: str, now: int
) -> tuple[str, ...]:
    up, memory = vitals.get("up", vitals.get("uptime_s")), vitals.get("rss")
    return (
        plain(name),
        health,
        ago(device["last_seen"], now) if device["last_seen"] else "never",
        _span(up) if isinstance(up, int) and device["online"] else "-",
        f"{memory / 2**20:.0f} MiB" if isinstance(memory, int) and device["online"] else "-",
        plain(device["board"]),
        plain(device["sw"]),
        plain(tags),
    )


def _show(node: Mapping[str, Any]) -> Result:
    now = time.time_ns()

    def text() -> str:
        lines = [f"{plain(node['name'])}  {node['health']}"]
        credential = node["credential_expires"]
        facts = [
            ("id", " before ".join([node["id"], *reversed(node["former"])])),
            ("board", node["board"]),
            ("software", _software(node)),
            ("tags", ", ".join(node["tags"]) or "none"),
            ("heard", f"{ago(node['last_seen'], now)}, first {moment(node['first_seen'])}"),
            ("credential", f"until {moment(credential)}" + ("" if credential > now else ", which is over")),
        ]
        if isinstance(sleeps := node["caps"].get("sleeps"), int):
            facts.append(("sleeps", f"{_span(sleeps)} at a time at most"))
        facts.append(("release", _release(node["release"])))
        lines += [f"  {name:<20}{plain(value)}" for name, value in facts]
        lines += _vitals(node.get("vitals", {}), "  ")
        for sensor, latest in node["sensors"].items():
            lines.append(f"  sensor {plain(sensor)}: {plain(latest['value'])} {plain(latest['unit'])}".rstrip())
        for leaf in node["leaves"]:
            lines.append(
                f"  leaf {plain(leaf['name'])}: {'online' if leaf['online'] else 'away'}, {plain(leaf['board'])}"
            )
            lines += _vitals(leaf["vitals"], "    ")
        if node["health"] not in ("ok", "asleep", "revoked"):
            lines.append(f"`ganglion fleet why {plain(node['name'])}` says why it is {node['health']}")
        return "\n".join(lines)

    return Result(data=node, text=text)


def _release(told: Mapping[str, Any]) -> str:
    """What it should run, and how far it is with that."""
    if (desired := told["desired"]) is None:
        return "none was assigned"
    what = "none, but its own configuration" if desired["release"] is None else desired["release"][:12]
    reported = told["reported"]
    why = f", {reported['why']}" if reported and reported["why"] else ""
    return f"{what}: {reported['state'] if reported else 'waiting'}{why}"


def _software(node: Mapping[str, Any]) -> str:
    """What it runs, and whether that is what is installed there."""
    told = node["caps"].get("agent")
    if not isinstance(told, dict) or not told.get("base"):
        return str(node["sw"])
    if told.get("wheel"):
        return f"{node['sw']}, which a release has brought; {told['base']} is installed"
    return f"{node['sw']}, as installed"


def _vitals(vitals: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for key, name, shown in _UNITS:
        value = vitals.get(key)
        if value is not None and (isinstance(value, int | float) or shown is plain):
            lines.append(f"{indent}{name:<20}{shown(value)}")
    return lines


def _why(told: Mapping[str, Any]) -> Result:
    def text() -> str:
        lines = [f"{plain(told['summary'])}: {told['health']}"]
        for each in told["findings"]:
            lines.append(f"- {plain(each['text'])}")
            if each["remedy"]:
                lines.append(f"  {plain(each['remedy'])}")
        return "\n".join(lines) if told["findings"] else f"{lines[0]}, and there is nothing to be said of it"

    bad = told["health"] in ("bad", "away", "revoked")
    return Result(data=told, text=text, exit_code=1 if bad else 0)


def _tag(args: argparse.Namespace) -> Result:
    flags = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    flags.add_argument("--json", action="store_true")
    flags.add_argument("--gateway", default=args.gateway)
    flags.add_argument("--token-file", type=Path, default=args.token_file)
    found, words = flags.parse_known_args(args.words)
    args.json, args.gateway, args.token_file = args.json or found.json, found.gateway, found.token_file
    if not words or any(len(word) < 2 or word[0] not in "+-" or word.startswith("--") for word in words):
        raise UsageError("say which tags: +TAG gives the node one, -TAG takes one away")
    add, remove = ([word[1:] for word in words if word[0] == sign] for sign in "+-")
    node = gateway_client.find(args).ask(api.post_nodes_node_tags(args.node, add=add, remove=remove))
    kept = [tag for tag in remove if tag in node["tags_removed"]]
    note = f"; its credential still has {', '.join(kept)}, and policies go by that" if kept else ""
    return Result(data=node, text=lambda: f"{plain(node['name'])}: {plain(', '.join(node['tags']) or 'no tags')}{note}")


def _span(seconds: float) -> str:
    return ago(0, int(seconds) * SECOND).removesuffix(" ago")

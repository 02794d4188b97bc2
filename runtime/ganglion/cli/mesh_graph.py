# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the mesh as a graph: its members, and the links between neighbours with what each end says they cost."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.mesh_peers import called, rows
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

Document = Mapping[str, Any]


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh graph [--format text|dot|mermaid]`."""
    verb = verbs.add_parser("graph", parents=[common], help="members and links, as each sees its own")
    verb.add_argument("--format", choices=["text", "dot", "mermaid"], default="text", help="default: text")
    gateway_flags.arguments(verb)
    verb.set_defaults(perform=show)


def show(args: argparse.Namespace) -> Result:
    """Asks every node that is online; who does not answer is named. Exit codes: 0 ok, 5 the gateway does not answer."""
    from ganglion.cli import gateway_client
    from ganglion.client.operations import mesh

    told = gateway_client.find(args).ask(mesh.get_mesh_graph())
    draw = {"text": text, "dot": dot, "mermaid": mermaid}[args.format]
    return Result(data=told, text=lambda: draw(told))


def text(told: Document) -> str:
    """Two tables, and who did not answer."""
    members = [
        (called(each), plain(each.get("id")), plain(each.get("role")), _presence(each), _yes(each.get("broker")))
        for each in rows(told, "members")
    ]
    names = _names(told)
    links = [
        (names.get(first, first), names.get(second, second), _side(each.get("there")), _side(each.get("back")))
        for each in rows(told, "links")
        for first, second in [map(plain, each["ends"])]
    ]
    parts = [table(("member", "id", "role", "presence", "broker"), members)]
    parts.append(table(("one", "other", "cost there", "cost back"), links) if links else "no neighbours")
    parts += [f"{called(each)} could not be asked: {plain(each.get('why'))}" for each in rows(told, "silent")]
    return "\n\n".join(parts[:2]) + "".join(f"\n{line}" for line in ["", *parts[2:]] if parts[2:])


def dot(told: Document) -> str:
    """For Graphviz."""
    lines = ["graph mesh {"]
    for number, each in _numbered(told):
        style = "" if each.get("online") is not False else ", style=dashed"
        shape = "box" if each.get("role") == "gateway" else "ellipse"
        lines.append(f'  m{number} [label="{_quoted(called(each))}", shape={shape}{style}];')
    for first, second, label in _edges(told):
        lines.append(f'  m{first} -- m{second} [label="{_quoted(label)}"];')
    return "\n".join([*lines, "}"])


def mermaid(told: Document) -> str:
    """For pages that know Mermaid."""
    lines = ["graph LR"]
    for number, each in _numbered(told):
        name = _entity(called(each))
        lines.append(f'  m{number}["{name}"]' if each.get("role") == "gateway" else f'  m{number}("{name}")')
    lines += [f'  m{first} ---|"{_entity(label)}"| m{second}' for first, second, label in _edges(told)]
    return "\n".join(lines)


def _numbered(told: Document) -> list[tuple[int, Document]]:
    """Names may be anything, so what stands for a member in the drawing is a number."""
    return list(enumerate(rows(told, "members")))


def _edges(told: Document) -> list[tuple[int, int, str]]:
    numbers = {each["id"]: number for number, each in _numbered(told)}
    return [
        (numbers[each["ends"][0]], numbers[each["ends"][1]], f"{_side(each['there'])} / {_side(each['back'])}")
        for each in rows(told, "links")
    ]


def _names(told: Document) -> dict[str, str]:
    return {plain(each.get("id")): called(each) for each in rows(told, "members")}


def _side(side: Any) -> str:
    """What one end says: `?` where it was not asked, `-` where it cannot reach the other."""
    if not isinstance(side, list):
        return "?"
    return ", ".join(f"{plain(each.get('link'))} {plain(each.get('cost'))}" for each in side) or "-"


def _presence(member: Document) -> str:
    return {True: "online", False: "offline"}.get(member.get("online"), "?")  # type: ignore[arg-type]


def _yes(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, "?")


def _quoted(label: str) -> str:
    """Text within quotation marks of the DOT language."""
    return label.replace("\\", "\\\\").replace('"', '\\"')


def _entity(label: str) -> str:
    """Text within quotation marks of Mermaid, whose escapes are HTML's."""
    return label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")

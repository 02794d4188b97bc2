# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh as a graph: members, and the links between neighbours as each end sees them. What nodes say is believed of
their own links and of nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ganglion.errors import GanglionError
from ganglion_gateway.fleet import Node

#: Nodes that are asked at the same time, and the seconds that one and all of them have.
WIDE = 32
EACH = 5.0
ALL = 8.0

Document = dict[str, Any]


async def ask(nodes: list[Node], peers: Callable[[Node], Awaitable[Any]]) -> dict[str, Any]:
    """What each node answers to `mesh.peers`, by its id; a text is why there is no answer.

    Args:
        peers: Asks one.
    """
    gate = asyncio.Semaphore(WIDE)
    views: dict[str, Any] = {node.id: f"no answer within {ALL:g} s" for node in nodes}

    async def one(node: Node) -> None:
        async with gate:
            try:
                views[node.id] = await peers(node)
            except GanglionError as error:
                views[node.id] = str(error)

    tasks = [asyncio.create_task(one(node)) for node in nodes]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=ALL)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return views


def merge(own: Document, nodes: list[Node], views: Mapping[str, Any]) -> Document:
    """The graph.

    Args:
        own: What the gateway itself sees.
        nodes: The fleet.
        views: As `ask` returns them; who is not among them was not asked.

    Returns:
        `members`, `links` with what each of the two `ends` says (`there` the first, `back` the second; None where it
        could not be asked), and `silent`, who could not.
    """
    gateway = own["member"]
    members: dict[str, Document] = {
        gateway["id"]: {**_member(gateway["id"], gateway["name"], "gateway"), "online": True}
    }
    for node in nodes:
        members[node.id] = {**_member(node.id, node.name, "node"), "online": node.online}
    seen: dict[str, dict[str, list[Document]]] = {}
    for identity, view in {**views, gateway["id"]: own}.items():
        if identity not in members or not isinstance(view, dict):
            continue
        said = view.get("member")
        broker = said.get("broker") if isinstance(said, dict) else None
        members[identity]["broker"] = broker if isinstance(broker, bool) else None
        seen[identity] = _near(view, members)

    def place(identity: str) -> tuple[bool, str, str]:
        return members[identity]["role"] != "gateway", members[identity]["name"], identity

    pairs = {tuple(sorted((a, b), key=place)) for a, near in seen.items() for b in near}
    links = [
        {"ends": [first, second], "there": _side(seen, first, second), "back": _side(seen, second, first)}
        for first, second in sorted(pairs, key=lambda pair: [place(end) for end in pair])
    ]
    silent = [
        {"id": identity, "name": members[identity]["name"], "why": view if isinstance(view, str) else "no such answer"}
        for identity, view in views.items()
        if identity in members and not isinstance(view, dict)
    ]
    return {"members": sorted(members.values(), key=lambda each: place(each["id"])), "links": links, "silent": silent}


def _member(identity: str, name: str, role: str) -> Document:
    return {"id": identity, "name": name, "role": role, "online": None, "broker": None}


def _near(view: Document, members: dict[str, Document]) -> dict[str, list[Document]]:
    """The neighbours that a member says it can reach, with link and cost. Who is new is put among the members."""
    near: dict[str, list[Document]] = {}
    for peer in _rows(view, "peers"):
        identity, name = peer.get("id"), peer.get("name")
        ways = [
            {"link": each["link"], "cost": each["cost"]}
            for each in _rows(peer, "neighbour")
            if each.get("up") is True and isinstance(each.get("link"), str) and type(each.get("cost")) is int
        ]
        if isinstance(identity, str) and isinstance(name, str) and ways:
            near[identity] = ways
            members.setdefault(identity, _member(identity, name, "node"))
    return near


def _rows(document: Document, name: str) -> list[Document]:
    rows = document.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _side(seen: Mapping[str, Mapping[str, list[Document]]], at: str, to: str) -> list[Document] | None:
    return seen[at].get(to, []) if at in seen else None

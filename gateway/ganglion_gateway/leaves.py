# SPDX-License-Identifier: GPL-3.0-or-later
"""The leaves of a node, from what its birth says of them: the gateway believes the parent, and has no key of a leaf."""

from typing import Any

from ganglion.mesh.leaves.effects import source
from ganglion_gateway.fleet import Node

#: By which the source of an event names the leaf that it is of.
_SOURCE = "leaf/"


def leaf_documents(node: Node) -> list[dict[str, Any]]:
    """Every leaf of a node, by name; what has another shape is left out.

    One is there while its parent is and says so: who believes the parent no more believes none of its leaves.
    """
    said = node.caps.get("leaves")
    leaves = said if isinstance(said, dict) else {}
    return [_document(node, name, leaf) for name, leaf in sorted(leaves.items()) if isinstance(leaf, dict)]


def _document(node: Node, name: str, leaf: dict[str, Any]) -> dict[str, Any]:
    prefix = source(name, "")
    methods, since = leaf.get("methods"), leaf.get("since")
    sensors = {sensor: latest for sensor, latest in sorted(node.sensors.items()) if sensor.startswith(prefix)}
    seen = [since if isinstance(since, int) else 0, *(latest.timestamp for latest in sensors.values())]
    return {
        "id": _text(leaf.get("id")),
        "name": name,
        "vouched_by": node.name,
        "parent": node.id,
        "online": node.online and node.revoked is None and leaf.get("online") is True,
        "last_seen": max(seen),
        "revoked": node.revoked,
        "board": _text(leaf.get("board")),
        "sw": _text(leaf.get("sw")),
        "methods": [_text(each) for each in methods] if isinstance(methods, list) else [],
        "actuators": actuators if isinstance(actuators := leaf.get("actuators"), dict) else {},
        "sensors": {
            sensor.removeprefix(prefix): {"value": latest.value, "unit": latest.unit, "timestamp": latest.timestamp}
            for sensor, latest in sensors.items()
        },
        "vitals": node.facts.leaves.get(name, {}),
    }


def leaf_of(row: dict[str, Any]) -> str | None:
    """The leaf that an event is of, which its node vouches for; None for the node's own."""
    return leaf_in(row["source"])


def leaf_in(said: str) -> str | None:
    """The leaf that the source of an event names, or the logger of a record; None where that is the node's own."""
    return said.removeprefix(_SOURCE) if said.startswith(_SOURCE) else None


def source_of(leaf: str) -> str:
    """What names a leaf so."""
    return f"{_SOURCE}{leaf}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

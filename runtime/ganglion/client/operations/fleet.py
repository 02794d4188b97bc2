# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Fleet at the gateway."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_crashes(
    *, where: str | None = None, limit: int | None = None, cursor: str | None = None
) -> "Call[documents.Crashes]":
    """How runs of nodes and leaves ended that crashed, newest first."""
    return Call("GET", "/api/v1/crashes", {}, {"where": where, "limit": limit, "cursor": cursor})


def post_firmware_seal(*, sha256: str) -> "Call[documents.Sealed]":
    """Sign a version of firmware, by the SHA-256 of its manifest."""
    return Call("POST", "/api/v1/firmware/seal", {}, {}, {"sha256": sha256})


def get_fleet_health(*, where: str | None = None) -> "Call[documents.FleetHealth]":
    """How many nodes are how."""
    return Call("GET", "/api/v1/fleet/health", {}, {"where": where})


def get_members(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Members]":
    """Who may be on the broker: each node that was let in, born or not."""
    return Call("GET", "/api/v1/members", {}, {"limit": limit, "cursor": cursor})


def get_mesh_statistics() -> "Call[dict[str, Any]]":
    """How the gateway's own membership of the mesh goes."""
    return Call("GET", "/api/v1/mesh/statistics", {}, {})


def get_nodes(
    *, where: str | None = None, health: str | None = None, limit: int | None = None, cursor: str | None = None
) -> "Call[documents.Nodes]":
    """Every node."""
    return Call("GET", "/api/v1/nodes", {}, {"where": where, "health": health, "limit": limit, "cursor": cursor})


def get_nodes_node(node: str) -> "Call[documents.OneNode]":
    """One node."""
    return Call("GET", "/api/v1/nodes/{node}", {"node": node}, {})


def get_nodes_node_calls_method(node: str, method: str, *, timeout: float | None = None) -> "Call[documents.Answer]":
    """Ask a node what it only looks up."""
    return Call("GET", "/api/v1/nodes/{node}/calls/{method}", {"node": node, "method": method}, {"timeout": timeout})


def post_nodes_node_commands(
    node: str, *, method: str, params: Mapping[str, Any] | Unset = UNSET, timeout: float | Unset = UNSET
) -> "Call[documents.Answer]":
    """Ask a node and wait for its answer."""
    return Call(
        "POST",
        "/api/v1/nodes/{node}/commands",
        {"node": node},
        {},
        {"method": method, "params": params, "timeout": timeout},
    )


def get_nodes_node_crashes(
    node: str, *, limit: int | None = None, cursor: str | None = None
) -> "Call[documents.Crashes]":
    """The crashes of one node and its leaves, newest first."""
    return Call("GET", "/api/v1/nodes/{node}/crashes", {"node": node}, {"limit": limit, "cursor": cursor})


def get_nodes_node_crashes_crash(node: str, crash: str, *, leaf: str | None = None) -> "Call[documents.WholeCrash]":
    """All that is known of a crash."""
    return Call("GET", "/api/v1/nodes/{node}/crashes/{crash}", {"node": node, "crash": crash}, {"leaf": leaf})


def get_nodes_node_episodes_run(node: str, run: str) -> "Call[dict[str, Any]]":
    """What a run of a script did; `last` for the last."""
    return Call("GET", "/api/v1/nodes/{node}/episodes/{run}", {"node": node, "run": run}, {})


def get_nodes_node_history(
    node: str, *, sensor: str, since: int, until: int | None = None, spans: int | None = None
) -> "Call[documents.History]":
    """What a sensor read, put together by spans of time: when each begins, least, mean, greatest, how many."""
    return Call(
        "GET",
        "/api/v1/nodes/{node}/history",
        {"node": node},
        {"sensor": sensor, "since": since, "until": until, "spans": spans},
    )


def get_nodes_node_readings(
    node: str, *, sensor: str, since: int | None = None, limit: int | None = None, cursor: str | None = None
) -> "Call[documents.Readings]":
    """What a sensor read, oldest first; `next` is of what was before."""
    return Call(
        "GET",
        "/api/v1/nodes/{node}/readings",
        {"node": node},
        {"sensor": sensor, "since": since, "limit": limit, "cursor": cursor},
    )


def post_nodes_node_revoke(node: str, *, reason: str | Unset = UNSET) -> "Call[documents.Revoked]":
    """Believe a node no more, anywhere, for good."""
    return Call("POST", "/api/v1/nodes/{node}/revoke", {"node": node}, {}, {"reason": reason})


def post_nodes_node_tags(
    node: str, *, add: Sequence[str] | Unset = UNSET, remove: Sequence[str] | Unset = UNSET
) -> "Call[documents.Node]":
    """Give a node tags, or take some away, for selectors and groups."""
    return Call("POST", "/api/v1/nodes/{node}/tags", {"node": node}, {}, {"add": add, "remove": remove})


def post_nodes_node_webhooks_name(node: str, name: str, payload: Any) -> "Call[documents.Runs]":
    """Fire a node's triggers by webhook."""
    return Call("POST", "/api/v1/nodes/{node}/webhooks/{name}", {"node": node, "name": name}, {}, payload)


def get_nodes_node_why(node: str, *, language: str | None = None) -> "Call[documents.Why]":
    """Why a node is as it is, in sentences, with what to do."""
    return Call("GET", "/api/v1/nodes/{node}/why", {"node": node}, {"language": language})

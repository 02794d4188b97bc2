# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Mesh at the gateway."""

from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_kv(*, prefix: str | None = None, after: str | None = None) -> "Call[documents.Items]":
    """What all members share, by key."""
    return Call("GET", "/api/v1/kv", {}, {"prefix": prefix, "after": after})


def delete_kv_keys_key(key: str) -> "Call[None]":
    """Remove what is at a key."""
    return Call("DELETE", "/api/v1/kv/keys/{key}", {"key": key}, {})


def get_kv_keys_key(key: str) -> "Call[documents.Item]":
    """What is at a key."""
    return Call("GET", "/api/v1/kv/keys/{key}", {"key": key}, {})


def post_kv_keys_key(key: str, *, add: Any | Unset = UNSET, remove: Any | Unset = UNSET) -> "Call[documents.Item]":
    """Put something into a set, or take it out."""
    return Call("POST", "/api/v1/kv/keys/{key}", {"key": key}, {}, {"add": add, "remove": remove})


def put_kv_keys_key(key: str, *, value: Any) -> "Call[documents.Item]":
    """Give a key a value."""
    return Call("PUT", "/api/v1/kv/keys/{key}", {"key": key}, {}, {"value": value})


def get_kv_watch(*, prefix: str | None = None, seconds: float | None = None) -> "Call[dict[str, Any]]":
    """Changes as they come, a JSON document a line."""
    return Call("GET", "/api/v1/kv/watch", {}, {"prefix": prefix, "seconds": seconds})


def get_mesh_graph() -> "Call[documents.Graph]":
    """Members and links, as every node that is online sees its own."""
    return Call("GET", "/api/v1/mesh/graph", {}, {})


def get_mesh_peers() -> "Call[documents.Peers]":
    """The members, and how the gateway reaches each now."""
    return Call("GET", "/api/v1/mesh/peers", {}, {})


def post_mesh_ping(
    *, to: str, count: int | Unset = UNSET, interval: float | Unset = UNSET, size: int | Unset = UNSET
) -> "Call[documents.Ping]":
    """Ask a node again and again whether it is there; it changes nothing."""
    return Call("POST", "/api/v1/mesh/ping", {}, {}, {"count": count, "interval": interval, "size": size, "to": to})


def get_mesh_routes(*, to: str | None = None) -> "Call[documents.Routes]":
    """The gateway's next hop to each member."""
    return Call("GET", "/api/v1/mesh/routes", {}, {"to": to})

# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Groups at the gateway."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_groups(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Groups]":
    """Groups of confidential topics."""
    return Call("GET", "/api/v1/groups", {}, {"limit": limit, "cursor": cursor})


def post_groups(
    *, name: str, nodes: Sequence[str] | Unset = UNSET, tags: Sequence[str] | Unset = UNSET
) -> "Call[documents.Group]":
    """Make a group."""
    return Call("POST", "/api/v1/groups", {}, {}, {"name": name, "nodes": nodes, "tags": tags})


def get_groups_name(name: str) -> "Call[documents.Group]":
    """A group, and who has its newest key."""
    return Call("GET", "/api/v1/groups/{name}", {"name": name}, {})


def post_groups_name_add(
    name: str, *, nodes: Sequence[str] | Unset = UNSET, tags: Sequence[str] | Unset = UNSET
) -> "Call[documents.Group]":
    """Take nodes in."""
    return Call("POST", "/api/v1/groups/{name}/add", {"name": name}, {}, {"nodes": nodes, "tags": tags})


def post_groups_name_remove(
    name: str, *, nodes: Sequence[str] | Unset = UNSET, tags: Sequence[str] | Unset = UNSET
) -> "Call[documents.Group]":
    """Let nodes go; they read nothing from now on."""
    return Call("POST", "/api/v1/groups/{name}/remove", {"name": name}, {}, {"nodes": nodes, "tags": tags})


def post_groups_name_rotate(name: str) -> "Call[documents.Group]":
    """Make a new key now."""
    return Call("POST", "/api/v1/groups/{name}/rotate", {"name": name}, {}, {})

# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Enrolment at the gateway."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_enrol_keys(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.EnrolKeys]":
    """Every key that lets nodes join."""
    return Call("GET", "/api/v1/enrol-keys", {}, {"limit": limit, "cursor": cursor})


def post_enrol_keys(
    *,
    name: str | Unset = UNSET,
    tags: Sequence[str] | Unset = UNSET,
    ttl: str | Unset = UNSET,
    uses: int | Unset = UNSET,
) -> "Call[documents.NewEnrolKey]":
    """Make a key that lets nodes join."""
    return Call("POST", "/api/v1/enrol-keys", {}, {}, {"name": name, "tags": tags, "ttl": ttl, "uses": uses})


def post_enrol_keys_key_revoke(key: str) -> "Call[documents.EnrolKey]":
    """Let nobody join by it any more."""
    return Call("POST", "/api/v1/enrol-keys/{key}/revoke", {"key": key}, {}, {})


def get_pending(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Pending]":
    """Nodes that wait to be approved, and the mesh that they name."""
    return Call("GET", "/api/v1/pending", {}, {"limit": limit, "cursor": cursor})


def post_pending_node_approve(
    node: str, *, name: str | Unset | None = UNSET, tags: Sequence[str] | Unset = UNSET
) -> "Call[documents.Approved]":
    """Let a node in."""
    return Call("POST", "/api/v1/pending/{node}/approve", {"node": node}, {}, {"name": name, "tags": tags})

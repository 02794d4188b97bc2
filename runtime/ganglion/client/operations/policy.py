# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Policy at the gateway."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_mesh_parties_node(node: str) -> "Call[documents.Party]":
    """A member as the policy sees it, and which policy it has."""
    return Call("GET", "/api/v1/mesh/parties/{node}", {"node": node}, {})


def get_mesh_policy() -> "Call[documents.Policy]":
    """Who may do what."""
    return Call("GET", "/api/v1/mesh/policy", {}, {})


def post_mesh_policy(
    *, rules: Sequence[Mapping[str, Any]], version: int | Unset | None = UNSET
) -> "Call[documents.Policy]":
    """Have these rules hold from now on, everywhere."""
    return Call("POST", "/api/v1/mesh/policy", {}, {}, {"rules": rules, "version": version})


def post_mesh_policy_delete() -> "Call[documents.Policy]":
    """Refuse everything but joining, until there is a policy again."""
    return Call("POST", "/api/v1/mesh/policy/delete", {}, {}, {})

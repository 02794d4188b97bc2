# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Limits at the gateway."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_mesh_limits() -> "Call[documents.Limits]":
    """What the fleet limits its actuators to."""
    return Call("GET", "/api/v1/mesh/limits", {}, {})


def post_mesh_limits(
    *, limit: Sequence[Mapping[str, Any]], version: int | Unset | None = UNSET
) -> "Call[documents.Limits]":
    """Have these limits hold from now on, and those before no more."""
    return Call("POST", "/api/v1/mesh/limits", {}, {}, {"limit": limit, "version": version})

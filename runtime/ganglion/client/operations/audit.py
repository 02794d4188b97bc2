# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Audit at the gateway."""

from typing import TYPE_CHECKING

from ganglion.client.call import Call

if TYPE_CHECKING:
    from ganglion.client import documents


def get_audit(
    *, limit: int | None = None, cursor: str | None = None, action: str | None = None
) -> "Call[documents.Audit]":
    """Who did what, newest first."""
    return Call("GET", "/api/v1/audit", {}, {"limit": limit, "cursor": cursor, "action": action})

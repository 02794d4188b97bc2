# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Models at the gateway."""

from typing import TYPE_CHECKING

from ganglion.client.call import Call

if TYPE_CHECKING:
    from ganglion.client import documents


def get_models(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Models]":
    """Language models, in the order in which they are asked, and what is left of today."""
    return Call("GET", "/api/v1/models", {}, {"limit": limit, "cursor": cursor})


def get_models_usage(
    *,
    by: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> "Call[documents.Usages]":
    """What was used of language models, most expensive first."""
    return Call(
        "GET", "/api/v1/models/usage", {}, {"by": by, "since": since, "until": until, "limit": limit, "cursor": cursor}
    )

# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Models at the gateway."""

from typing import Any

from ganglion.client.call import Call


def get_models() -> "Call[dict[str, Any]]":
    """Language models, in the order in which they are asked, and what is left of today."""
    return Call("GET", "/api/v1/models", {}, {})


def get_models_usage(
    *, by: str | None = None, since: str | None = None, until: str | None = None
) -> "Call[dict[str, Any]]":
    """What was used of language models, most expensive first."""
    return Call("GET", "/api/v1/models/usage", {}, {"by": by, "since": since, "until": until})

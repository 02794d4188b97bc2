# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Logs at the gateway."""

from typing import TYPE_CHECKING, Any

from ganglion.client.call import Call

if TYPE_CHECKING:
    from ganglion.client import documents


def get_logs(
    *,
    where: str | None = None,
    node: str | None = None,
    since: int | None = None,
    level: str | None = None,
    text: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> "Call[documents.LogLines]":
    """Warnings and errors of nodes and leaves that are kept here, newest first."""
    return Call(
        "GET",
        "/api/v1/logs",
        {},
        {"where": where, "node": node, "since": since, "level": level, "text": text, "limit": limit, "cursor": cursor},
    )


def get_logs_watch(
    *, where: str | None = None, node: str | None = None, level: str | None = None, seconds: float | None = None
) -> "Call[dict[str, Any]]":
    """What nodes log, as they do, a JSON document a line."""
    return Call("GET", "/api/v1/logs/watch", {}, {"where": where, "node": node, "level": level, "seconds": seconds})

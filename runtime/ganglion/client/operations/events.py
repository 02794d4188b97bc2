# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Events at the gateway."""

from typing import TYPE_CHECKING, Any

from ganglion.client.call import Call

if TYPE_CHECKING:
    from ganglion.client import documents


def get_events(
    *,
    limit: int | None = None,
    cursor: str | None = None,
    class_: str | None = None,
    node: str | None = None,
    where: str | None = None,
) -> "Call[documents.Events]":
    """Events, newest first."""
    return Call(
        "GET", "/api/v1/events", {}, {"limit": limit, "cursor": cursor, "class": class_, "node": node, "where": where}
    )


def get_events_event(event: str) -> "Call[documents.Event]":
    """One event."""
    return Call("GET", "/api/v1/events/{event}", {"event": event}, {})


def get_traces_last() -> "Call[documents.Trace]":
    """The path of the last alert."""
    return Call("GET", "/api/v1/traces/last", {}, {})


def get_traces_event(event: str) -> "Call[documents.Trace]":
    """The path of an event, from sensor to webhook."""
    return Call("GET", "/api/v1/traces/{event}", {"event": event}, {})


def get_watch(
    *, topic: str | None = None, where: str | None = None, seconds: float | None = None
) -> "Call[dict[str, Any]]":
    """Events as they come, a JSON document a line."""
    return Call("GET", "/api/v1/watch", {}, {"topic": topic, "where": where, "seconds": seconds})

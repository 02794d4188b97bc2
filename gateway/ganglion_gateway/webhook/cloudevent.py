# SPDX-License-Identifier: GPL-3.0-or-later
"""An event as CloudEvents 1.0 in JSON, structured mode: the same bytes whenever it is sent."""

import json
from datetime import UTC, datetime
from typing import Any

from ganglion.units import SECOND

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def body(event: dict[str, Any], *, mesh: str) -> bytes:
    """The body for an event of the outbox.

    Args:
        event: Columns of `events`, and `node_name`.
        mesh: The mesh's id, part of the source's name.
    """
    document = {
        "specversion": "1.0",
        "id": event["id"],
        "source": f"spiffe://{mesh}/{event['node']}",
        "type": type_of(event),
        "subject": event["topic"],
        "time": rfc3339(event["timestamp"]),
        "datacontenttype": "application/json",
        "data": {
            "topic": event["topic"],
            "value": event["value"],
            "class": event["cls"],
            "node": {"id": event["node"], "name": event["node_name"] or event["node"]},
            "timestamp": event["timestamp"],
            "source": event["source"],
            "run": event["run"],
        },
    }
    return _encode(document).encode()


def type_of(event: dict[str, Any]) -> str:
    """The `type` of an event."""
    return f"ganglion.event.{event['cls']}"


def rfc3339(nanoseconds: int) -> str:
    """A time as RFC 3339 writes it, to the microsecond; the last day of 9999 for what comes after."""
    seconds, rest = divmod(nanoseconds, SECOND)
    moment = datetime.fromtimestamp(min(seconds, 253_402_300_799), UTC)
    return f"{moment.isoformat()[:19]}.{rest // 1000:06d}Z"

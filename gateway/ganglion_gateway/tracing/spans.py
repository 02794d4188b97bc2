# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of an event as spans: what `ganglion trace` shows, in OpenTelemetry's words. Pure.

The ids follow from the event's, so that whoever knows the event knows its trace: a webhook's `traceparent` can be sent
before anything of the trace is exported, and a path that is exported twice is one trace.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ganglion.units import MILLISECOND
from ganglion_gateway.trace import FAILED, PENDING, SKIPPED

#: Stages of a trace that are the gateway's own; what is before them happened on the node.
_GATEWAY = ("gateway", "webhook", "node")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One stage.

    Attributes:
        id: 64 bits.
        parent: 64 bits; None for the root.
        start: Nanoseconds since the Unix epoch.
        end: The same, not before `start`.
        on_node: Whether it happened on the node, else in the gateway.
        error: What went wrong; "" where nothing did.
        attributes: By OpenTelemetry's names where there is one.
    """

    id: int
    parent: int | None
    name: str
    start: int
    end: int
    on_node: bool
    error: str
    attributes: dict[str, str | int]


def trace_id(event: str) -> int:
    """128 bits of the trace of an event."""
    return _number(f"trace {event}", 16)


def is_sampled(event: str, share: float) -> bool:
    """Whether its trace is among the `share` (0 to 1) that are kept: the same at every gateway, by the trace's id."""
    return trace_id(event) % 2**64 < share * 2**64


def traceparent(event: str, endpoint: str) -> str:
    """The header by which a receiver joins the trace (W3C Trace Context, section 3.2), below the webhook's span."""
    return f"00-{trace_id(event):032x}-{_number(f'webhook {endpoint} {event}', 8):016x}-01"


def spans(document: dict[str, Any]) -> list[Span]:
    """The spans of a document of `/api/v1/traces`, the root first; none where nothing in it has a time."""
    event = document["event"]
    lines = [line for line in document["lines"] if line["at"] is not None and line["status"] not in (PENDING, SKIPPED)]
    if not lines:
        return []
    identity, root = event["id"], _number(f"root {event['id']}", 8)
    attributes: dict[str, str | int] = {
        "ganglion.event.id": identity,
        "ganglion.event.class": event["class"],
        "ganglion.node.name": event["node"]["name"],
        "ganglion.node.id": event["node"]["id"],
    }
    if event["run"]:
        attributes["ganglion.run"] = event["run"]
    failed = next((line["detail"] for line in lines if line["status"] == FAILED), "")
    found = [
        Span(
            id=root,
            parent=None,
            name=f"{event['class']} {event['topic']}",
            start=min(line["at"] for line in lines),
            end=max(_end(line) for line in lines),
            on_node=True,
            error=failed,
            attributes=attributes,
        )
    ]
    for index, line in enumerate(lines):
        stage, endpoint = line["stage"], line.get("endpoint", "")
        which = f"webhook {endpoint}" if endpoint else f"{stage} {index}"
        found.append(
            Span(
                id=_number(f"{which} {identity}", 8),
                parent=root,
                name=f"{stage} {line['step']}" if line.get("step") else stage,
                start=line["at"],
                end=_end(line),
                on_node=stage not in _GATEWAY,
                error=line["detail"] if line["status"] == FAILED else "",
                attributes={"ganglion.stage": stage, "ganglion.detail": line["detail"], **attributes},
            )
        )
    return found


def _end(line: dict[str, Any]) -> int:
    took = line["took_ms"] or 0
    return int(line["at"]) + max(0, round(took * MILLISECOND))


def _number(text: str, size: int) -> int:
    """Never 0, which stands for no id."""
    return int.from_bytes(sha256(text.encode()).digest()[:size]) or 1

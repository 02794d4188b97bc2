# SPDX-License-Identifier: GPL-3.0-or-later
"""Events, and the way that one took."""

from typing import Any, NotRequired, TypedDict

_OfClass = TypedDict("_OfClass", {"class": str})


class Event(_OfClass):
    """An event that is stored."""

    id: str
    node: str
    topic: str
    value: Any
    source: str
    run: str
    timestamp: int
    received: int
    stored: int
    leaf: str | None


class Events(TypedDict):
    """A page of events, the newest first."""

    events: list[Event]
    next: str | None


class TracedNode(TypedDict):
    """Whose event it was."""

    id: str
    name: str


class Traced(_OfClass):
    """The event of a trace."""

    id: str
    node: TracedNode
    topic: str
    value: Any
    timestamp: int
    run: str


class TraceLine(TypedDict):
    """One stage of the way: done, pending, failed or skipped."""

    stage: str
    status: str
    at: int | None
    took_ms: float | None
    detail: str
    since_ms: float | None
    step: NotRequired[str]
    endpoint: NotRequired[str]


class Trace(TypedDict):
    """The way of an event, from a sensor to webhooks and nodes."""

    event: Traced
    status: str
    lines: list[TraceLine]


class Said(TypedDict):
    """What has become of an event that somebody told the gateway of; `duplicate`: it was there already."""

    event: str
    duplicate: bool

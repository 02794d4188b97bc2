# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what a trace is made of."""

from typing import Any

from ganglion_gateway.services import Services
from ganglion_gateway.store import events, relays, webhooks
from ganglion_gateway.trace import trace


async def path_of(services: Services, event: str) -> dict[str, Any] | None:
    """The path of an event by its id; None where it is not there."""
    row = await events.find(services.database, event)
    return None if row is None else await trace_of(services, row)


async def trace_of(services: Services, row: dict[str, Any]) -> dict[str, Any]:
    """The path of an event, a row of `events`."""
    episode = await events.episode(services.database, [row["node"]], row["run"]) if row["run"] else None
    acts = await events.acts(services.database, row["node"], row["run"]) if row["run"] else []
    attempts = await events.attempts(services.database, row["id"])
    names = {one["id"]: one["name"] for one in await webhooks.all_endpoints(services.database)}
    relay = await relays.of(services.database, row["id"])
    called = services.fleet.name(row["node"])
    return trace(row, episode, attempts, acts=acts, relay=relay, node=called, endpoints=names)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what a trace is made of."""

from typing import Any

from ganglion_gateway.services import Services
from ganglion_gateway.store import events, relays, webhooks
from ganglion_gateway.trace import trace


async def trace_of(services: Services, row: dict[str, Any]) -> dict[str, Any]:
    """The path of an event, a row of `events`."""
    episode = await events.episode(services.database, [row["node"]], row["run"]) if row["run"] else None
    attempts = await events.attempts(services.database, row["id"])
    names = {one["id"]: one["name"] for one in await webhooks.all_endpoints(services.database)}
    node = services.fleet.nodes.get(services.fleet.now(row["node"]))
    relay = await relays.of(services.database, row["id"])
    return trace(row, episode, attempts, relay=relay, node=node.name if node else row["node"], endpoints=names)

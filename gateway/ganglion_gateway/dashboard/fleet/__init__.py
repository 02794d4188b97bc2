# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/fleet`: every node and how it is, what many of them do at once, and who is let in."""

from nicegui import ui

from ganglion_gateway.dashboard.fleet.keys import EnrolKeys
from ganglion_gateway.dashboard.fleet.nodes import Nodes
from ganglion_gateway.dashboard.fleet.pending import Pending
from ganglion_gateway.dashboard.visit import Visit


async def build(visit: Visit) -> None:
    """Fills the page."""
    with ui.element("div").classes("g-stack"):
        pending = Pending(visit)
        nodes = Nodes(visit)
        keys = EnrolKeys(visit) if visit.may("enrol") else None

    async def look() -> None:
        await nodes.look()
        await pending.look()
        if keys is not None:
            await keys.look()

    await visit.every(look)

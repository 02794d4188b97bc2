# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/logs`: what the nodes of a selector log, as they do."""

from nicegui import ui

from ganglion_gateway.dashboard.logs.view import LogView
from ganglion_gateway.dashboard.parts import card
from ganglion_gateway.dashboard.visit import Visit


async def build(visit: Visit) -> None:
    """Fills the page."""
    with card().classes("g-log-page"):
        view = LogView(visit, where=visit.query.get("where", ""), text=visit.query.get("text", ""))
    ui.timer(0.0, view.begin, once=True)  # when a browser is there: each who follows has every node asked

# SPDX-License-Identifier: GPL-3.0-or-later
"""The three pages of webhooks, beside each other."""

from nicegui import ui

from ganglion_gateway.dashboard.parts import attribute
from ganglion_gateway.dashboard.visit import Visit


def tabs(visit: Visit, here: str) -> None:
    """The way between them.

    Args:
        here: The path of the one that is shown.
    """
    say = visit.say
    names = {"/webhooks": say("Out"), "/webhooks/dead": say("Dead letters"), "/webhooks/in": say("In")}
    with ui.element("nav").classes("g-tabs").props(f'aria-label="{attribute(say("Webhooks"))}"'):
        for path, name in names.items():
            current = ' aria-current="page"' if path == here else ""
            with ui.element("a").props(f'href="{path}"{current}'):
                ui.label(name)

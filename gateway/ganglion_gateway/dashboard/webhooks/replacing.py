# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks before a secret is replaced, and for how long the one before is good, too."""

from nicegui import ui

from ganglion_gateway.dashboard.dialogs import dialog
from ganglion_gateway.dashboard.parts import button, field
from ganglion_gateway.dashboard.visit import Visit


async def asked_to_replace(visit: Visit, name: str, about: str) -> str | None:
    """For how long, as `24h`; None where it is not to be replaced.

    Args:
        about: What that means.
    """
    say = visit.say
    with dialog(say("Replace the secret of {name}?").format(name=name)) as asking:
        ui.label(about).classes("g-faint")
        keep = field(say("How long the one before is good, too"), "24h")
        with ui.element("div").classes("g-bar"):
            button(say("Replace the secret"), lambda: asking.submit(True), main=True)
            button(say("Cancel"), lambda: asking.submit(False))
    return (keep.value or "").strip() if await asking else None

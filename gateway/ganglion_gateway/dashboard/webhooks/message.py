# SPDX-License-Identifier: GPL-3.0-or-later
"""One message: its event, and every attempt to deliver it."""

import json

from nicegui import ui

from ganglion.client.documents import Attempt, WholeDeadLetter, WholeMessage
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import dialog
from ganglion_gateway.dashboard.facts import pairs
from ganglion_gateway.dashboard.parts import Cell, Row, Table, button, tagged
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.webhooks.standing import attempt, took


def show(visit: Visit, message: WholeMessage | WholeDeadLetter) -> None:
    """Opens it; Esc or the button closes it."""
    say, now = visit.say, visit.services.clock()
    with dialog(text.whole(message["topic"]), more="g-stack") as showing:
        lines = {
            say("Class"): message["class"],
            say("Node"): visit.services.fleet.name(message["node"]),
            say("Happened"): text.iso(message["timestamp"]),
            say("Message"): message["message"],
        }
        pairs(lines, codes=(say("Message"),))
        value = json.dumps(message["value"], indent=2, ensure_ascii=False)
        tagged("pre", value).classes("g-code g-value-of").props('tabindex="0"')
        tagged("h3", say("Attempts")).classes("g-sub")
        with ui.element("div").classes("g-attempts"):
            table = Table((say("When"), say("Took"), say("Outcome")), empty=say("None yet."), label=say("Attempts"))
        table.update([_row(visit, number, each, now) for number, each in enumerate(message["attempted"], 1)])
        with ui.element("div").classes("g-bar"):
            button(say("Close"), showing.close)
    showing.open()


def _row(visit: Visit, number: int, each: Attempt, now: int) -> Row:
    return Row(
        str(number),
        (
            Cell(text.ago(now - each["at"], visit.say), hint=text.iso(each["at"])),
            Cell(took(each["took"])),
            Cell(attempt(each, visit.say), state="bad" if each["error"] else "good"),
        ),
    )

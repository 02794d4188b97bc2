# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that ask to be let in: their fingerprints are compared with what they show, and then they are, or never."""

from typing import Any

from nicegui import ui

from ganglion.client.operations import enrolment, fleet
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import confirmed, dialog, refusal
from ganglion_gateway.dashboard.fields import field, words
from ganglion_gateway.dashboard.parts import Cell, Row, Table, button, card
from ganglion_gateway.dashboard.visit import Visit


class Pending:
    """The list; not there while nobody asks."""

    def __init__(self, visit: Visit) -> None:
        self._visit, say = visit, visit.say
        self._asking: dict[str, dict[str, Any]] = {}
        self._card = card(say("Ask to be let in"))
        with self._card:
            ui.label(say("Compare the fingerprint with the one that the node shows.")).classes("g-faint")
            columns = (say("Fingerprint"), say("Name it asks for"), say("Asks since"))
            self._table = Table(columns, empty="", label=say("Ask to be let in"))
        self._card.set_visibility(False)

    async def look(self) -> None:
        """Shows who asks now."""
        say, now = self._visit.say, self._visit.services.clock()
        found = (await self._visit.ask(enrolment.get_pending(limit=100)))["pending"]
        self._asking = {each["fingerprint"]: dict(each) for each in found}
        rows = []
        for one in found:
            taken = say("another node has this name") if one["taken"] else ""
            cells = (
                Cell(one["fingerprint"]),
                Cell(one["name"], more=taken),
                Cell(text.ago(now - one["first"], say), hint=text.iso(one["first"])),
            )
            actions = self._actions(one["fingerprint"]) if self._visit.may("enrol") else ()
            rows.append(Row(one["fingerprint"], cells, actions))
        self._table.update(rows)
        self._card.set_visibility(bool(rows))

    def _actions(self, fingerprint: str) -> Any:
        say = self._visit.say
        return (
            (say("Let in…"), lambda: self._approve(self._asking[fingerprint])),
            (say("Refuse…"), lambda: self._refuse(self._asking[fingerprint])),
        )

    async def _approve(self, one: dict[str, Any]) -> None:
        say = self._visit.say

        async def let_in() -> None:
            call = enrolment.post_pending_node_approve(
                one["fingerprint"], name=name.value.strip() or None, tags=words(tags.value)
            )
            done = say("{name} is let in, and comes with its next question").format(name=name.value or one["name"])
            if await self._visit.attempt(call, done=done, trouble=wrong) is not None:
                asking.submit(True)

        heading = say("Let {fingerprint} in").format(fingerprint=one["fingerprint"])
        with dialog(heading) as asking, ui.element("form").classes("g-form").on("submit.prevent", let_in):
            name = field(say("Name"), one["name"])
            tags = field(say("Tags"), hint=say("With spaces between them; they stand in its credential."))
            wrong = refusal()
            with ui.element("div").classes("g-bar"):
                button(say("Let in"), kind="submit", main=True)
                button(say("Cancel"), asking.close)
        if await asking:
            await self._visit.now(self.look)

    async def _refuse(self, one: dict[str, Any]) -> None:
        say = self._visit.say
        question = say("Refuse {fingerprint} for good? Nobody in the mesh will ever believe this key.")
        if await confirmed(say, question.format(fingerprint=one["fingerprint"]), say("Refuse")):
            call = fleet.post_nodes_node_revoke(one["id"], reason="refused")
            await self._visit.attempt(call, done=say("It is refused"))
            await self._visit.now(self.look)

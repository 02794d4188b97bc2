# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrol keys: with one in its configuration a node joins by itself. What makes one is shown once."""

from typing import Any

from nicegui import ui

from ganglion.client.operations import enrolment
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import confirmed, dialog, refusal, shown_once
from ganglion_gateway.dashboard.fields import choice, field, number, words
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, button, card
from ganglion_gateway.dashboard.visit import Visit

#: Keys of one page.
_PAGE = 10
#: For how long a key may hold, with the seconds of each.
_SPANS = {"15m": 900, "1h": 3600, "24h": 86400, "7d": 7 * 86400, "30d": 30 * 86400, "90d": 90 * 86400}


class EnrolKeys:
    """The list, and what makes one."""

    def __init__(self, visit: Visit) -> None:
        self._visit, say = visit, visit.say
        with card(say("Enrol keys")):
            with ui.element("div").classes("g-bar"):
                ui.label(say("A node with one in its configuration joins by itself.")).classes("g-faint")
                ui.element("div").classes("g-space")
                button(say("Make a key…"), self._create)
            columns = (say("Key"), say("Tags"), say("Uses left"), say("Holds"), say("Made"))
            self._table = Table(columns, empty=say("No key yet."), label=say("Enrol keys"))
            self._pages = Pages(say, self.look)

    async def look(self) -> None:
        """Shows them as they are now."""
        now = self._visit.services.clock()
        page = await self._visit.ask(enrolment.get_enrol_keys(limit=_PAGE, cursor=self._pages.cursor))
        self._table.update([self._row(dict(key), now) for key in page["enrol_keys"]])
        self._pages.update(page["next"])

    def _row(self, key: dict[str, Any], now: int) -> Row:
        say = self._visit.say
        left = key["expires"] - now
        if key["revoked"]:
            holds, state = say("revoked"), "idle"
        elif left <= 0:
            holds, state = say("is over"), "idle"
        elif not key["uses_left"]:
            holds, state = say("used up"), "idle"
        else:
            holds, state = say("{span} more").format(span=text.span(left // 10**9, say)), "good"
        cells = (
            Cell(key["name"] or key["id"], more=key["id"] if key["name"] else ""),
            Cell(", ".join(key["tags"])),
            Cell(f"{key['uses_left']} / {key['uses']}"),
            Cell(holds, state=state, hint=text.iso(key["expires"])),
            Cell(text.ago(now - key["created"], say), hint=text.iso(key["created"])),
        )
        actions = ((say("Revoke…"), lambda: self._revoke(key["id"])),) if state == "good" else ()
        return Row(key["id"], cells, actions)

    async def _create(self) -> None:
        say = self._visit.say
        spans = {name: text.span(seconds, say) for name, seconds in _SPANS.items()}

        async def make() -> None:
            call = enrolment.post_enrol_keys(
                name=name.value.strip(), tags=words(tags.value), uses=int(uses.value or 0), ttl=ttl.value
            )
            if (made := await self._visit.attempt(call, trouble=wrong)) is not None:
                asking.submit(made["key"])

        with (
            dialog(say("Make an enrol key")) as asking,
            ui.element("form").classes("g-form").on("submit.prevent", make),
        ):
            name = field(say("Name"), hint=say("What it is for, as in “greenhouse”."))
            tags = field(say("Tags of its nodes"), hint=say("With spaces between them; they stand in its credential."))
            uses = number(say("Nodes that may join by it"), 1, least=1, most=100_000)
            ttl = choice(say("Holds for"), spans, "24h")
            wrong = refusal()
            with ui.element("div").classes("g-bar"):
                button(say("Make the key"), kind="submit", main=True)
                button(say("Cancel"), asking.close)
        if key := await asking:
            shown_once(say, say("The enrol key"), key)
            self._pages.begin()
            await self._visit.now(self.look)

    async def _revoke(self, key: str) -> None:
        say = self._visit.say
        question = say("Let nobody join by the key {key} any more? Nodes that have joined stay.").format(key=key)
        if await confirmed(say, question, say("Revoke")):
            await self._visit.attempt(enrolment.post_enrol_keys_key_revoke(key), done=say("The key is revoked"))
            await self._visit.now(self.look)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/audit`: who did what, the newest first."""

import json

from nicegui import ui

from ganglion.client.documents import Entry
from ganglion.client.operations import audit
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, card, field
from ganglion_gateway.dashboard.visit import Visit

#: Entries of one page.
_PAGE = 50
#: Letters of an entry's details that are shown; the rest is in its hint.
_DETAIL = 160


async def build(visit: Visit) -> None:
    """Fills the page."""
    await _Audit(visit).build()


class _Audit:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._action = visit.query.get("action", "")

    async def build(self) -> None:
        say = self._visit.say
        with card():
            with ui.element("div").classes("g-bar"):
                field(say("Action, as rollout.start"), self._action, self._filter, find=True)
            self._table = Table(
                (say("When"), say("Who"), say("Action"), say("On what"), say("Details")),
                empty=say("Nothing of this kind was done."),
                label=say("Audit"),
            )
            self._pages = Pages(say, self._look)
        await self._visit.every(self._look)

    async def _look(self) -> None:
        visit = self._visit
        page = await visit.ask(audit.get_audit(limit=_PAGE, cursor=self._pages.cursor, action=self._action or None))
        self._table.update([_row(each, place, visit) for place, each in enumerate(page["entries"])])
        self._pages.update(page["next"])

    async def _filter(self, action: str) -> None:
        self._action = action
        self._pages.begin()
        await self._look()


def _row(entry: Entry, place: int, visit: Visit) -> Row:
    at = entry["at"]
    detail = text.whole(json.dumps(entry["detail"], ensure_ascii=False)) if entry["detail"] else ""
    short = detail if len(detail) <= _DETAIL else detail[: _DETAIL - 1] + "…"
    cells = (
        Cell(text.ago(visit.services.clock() - at, visit.say), hint=text.iso(at)),
        Cell(entry["actor"]),
        Cell(entry["action"], state="bad" if entry["action"].endswith((".failed", ".revoke")) else ""),
        Cell(entry["target"]),
        Cell(short, hint=detail),
    )
    return Row(f"{at}-{place}", cells)

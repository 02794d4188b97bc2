# SPDX-License-Identifier: GPL-3.0-or-later
"""How runs of a node and its leaves ended that crashed: the list, and all that is known of one."""

import json
from typing import Any

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import fleet
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import dialog
from ganglion_gateway.dashboard.pairs import Pairs
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, card, tagged
from ganglion_gateway.dashboard.visit import Visit

_PAGE = 5


class Crashes:
    """The card."""

    def __init__(self, visit: Visit, node: str) -> None:
        self._visit, self._node, say = visit, node, visit.say
        self._leaves: dict[str, str] = {}
        with card(say("Crashes")):
            self._table = Table((say("Crash"), say("When")), empty=say("It has not crashed."), label=say("Crashes"))
            self._pages = Pages(say, self.look)

    async def look(self) -> None:
        """Shows those that are known. Raises: see `Visit.ask`."""
        now = self._visit.services.clock()
        page = await self._visit.ask(fleet.get_nodes_node_crashes(self._node, limit=_PAGE, cursor=self._pages.cursor))
        self._leaves = {each["id"]: each["leaf"] for each in page["crashes"]}
        self._table.update([self._row(each, now) for each in page["crashes"]])
        self._pages.update(page["next"])

    def _row(self, crash: documents.Crash, now: int) -> Row:
        say = self._visit.say
        of = (
            say("leaf {leaf}: {kind}").format(leaf=crash["leaf"], kind=crash["kind"])
            if crash["leaf"]
            else crash["kind"]
        )
        cells = (
            Cell(of, more=text.cut(crash["text"])),
            Cell(text.ago(now - crash["at"], say), hint=text.iso(crash["at"])),
        )
        return Row(crash["id"], cells, ((say("Show…"), lambda: self._show(crash["id"])),))

    async def _show(self, crash: str) -> None:
        say = self._visit.say
        call = fleet.get_nodes_node_crashes_crash(self._node, crash, leaf=self._leaves.get(crash) or None)
        known = await self._visit.attempt(call)
        if known is None:
            return
        heading = say("Crash {id} of {node}").format(id=crash, node=known["name"])
        with dialog(heading, close=say("Close")) as showing:
            ui.label(known["text"])
            pairs, long = _record(known["record"])
            Pairs().update({say("Kind"): Cell(known["kind"]), say("When"): Cell(text.iso(known["at"])), **pairs})
            for name, lines in long.items():
                ui.label(name).classes("g-faint")
                tagged("pre", lines).classes("g-code")
        showing.open()


def _record(record: dict[str, Any]) -> tuple[dict[str, Cell], dict[str, str]]:
    """What stands on one line, and what takes several."""
    short: dict[str, Cell] = {}
    long: dict[str, str] = {}
    for name, value in record.items():
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            long[name] = "\n".join(value)
        elif isinstance(value, dict | list):
            long[name] = json.dumps(value, indent=2, ensure_ascii=False)
        elif isinstance(value, str) and "\n" in value:
            long[name] = value
        elif name not in ("kind", "text", "at"):
            short[name] = Cell(text.whole(str(value)))
    return short, long

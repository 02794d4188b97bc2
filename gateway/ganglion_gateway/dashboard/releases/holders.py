# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that are to run a release, and how far each is."""

from nicegui import ui

from ganglion.client.documents import HoldingNode, Release
from ganglion.client.operations import releases
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, card
from ganglion_gateway.dashboard.progress import Bar, spoken, told, tone
from ganglion_gateway.dashboard.visit import Visit

#: Nodes of one page, and seconds between two looks.
_PAGE = 25
_TURN = 2.0


class Holders:
    """The card."""

    def __init__(self, visit: Visit, release: Release) -> None:
        self._visit = visit
        self._release = release["id"]
        self._words = spoken(visit.say)

    async def build(self) -> None:
        """Fills it."""
        say = self._visit.say
        with card(say("Who has it")):
            self._sum = ui.label("").classes("g-faint").props('data-role="sum"')
            self._bar = Bar(say)
            columns = (say("Node"), say("State"), say("Why"), say("Told"), say("By"))
            empty = say("No node is to run it. Give it to one here, or to many with a rollout.")
            self._table = Table(columns, empty=empty, label=say("Who has it"))
            self._pages = Pages(say, self.look)
        await self._visit.every(self.look, seconds=_TURN)

    async def look(self) -> None:
        """Shows how it is now."""
        visit, say, now = self._visit, self._visit.say, self._visit.services.clock()
        call = releases.get_releases_release_nodes(self._release, limit=_PAGE, cursor=self._pages.cursor)
        found = await visit.ask(call)
        line = say.many("{count} node is to run it: {how}", "{count} nodes are to run it: {how}", found["desired"])
        self._sum.set_text(line.format(count=found["desired"], how=told(found["reported"], say)))
        for each in (self._sum, self._bar):
            each.set_visibility(bool(found["desired"]))
        self._bar.update(found["reported"])
        self._table.update([self._row(each, now) for each in found["nodes"]])
        self._pages.update(found["next"])

    def _row(self, node: HoldingNode, now: int) -> Row:
        state = node["state"]
        return Row(
            node["node"],
            (
                Cell(text.whole(node["name"]), state="good" if node["online"] else "", link=f"/nodes/{node['node']}"),
                Cell(self._words[state], state=tone(state)),
                Cell(text.whole(node["why"])),
                Cell(text.ago(now - node["at"], self._visit.say), hint=text.iso(node["at"])),
                Cell(text.whole(node["by"])),
            ),
        )

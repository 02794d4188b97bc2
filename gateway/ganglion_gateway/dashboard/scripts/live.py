# SPDX-License-Identifier: GPL-3.0-or-later
"""A script that runs on a node while it is edited here, as with `ganglion dev`: in memory, and for a while."""

from typing import Any

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import fleet, scripts
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard.parts import button
from ganglion_gateway.dashboard.scripts.editor import Editor
from ganglion_gateway.dashboard.visit import Visit

#: Seconds after which a node that hears nothing of this page has what was there before, and between two words of it.
LEASE, _AGAIN = 20, 6.0
#: What boards say that they are, which take plans in pieces: `ganglion dev` does that.
_BOARD = "ganglion-agent/"


class Live:
    """Which node, and what runs there of this page."""

    def __init__(self, visit: Visit, editor: Editor) -> None:
        self._visit = visit
        self._say = visit.say
        self._editor = editor
        self._node = ""
        self._plan: documents.ScriptPlan | None = None
        self._text = ""
        self._offered: dict[str, str] = {}
        with ui.element("div").classes("g-bar g-ed-live"):
            ui.label(self._say("Live on a node")).classes("g-faint")
            self._choice = ui.select({}, label=self._say("Node"), with_input=True).classes("g-field")
            self._choice.props(f'dense outlined aria-label="{self._say("Node")}"')
            self._start = button(self._say("Run live"), self.bring)
            self._stop = button(self._say("End it"), self.end)
            self._state = ui.label("").classes("g-faint").props('role="status" aria-live="polite"')
        self._offer()
        self._stop.set_visibility(False)
        ui.timer(_AGAIN, self._renew, immediate=False)

    @property
    def runs(self) -> bool:
        """Whether something of this page runs on a node."""
        return self._plan is not None

    def choose(self, name: str) -> None:
        """Chooses a node by its name or id."""
        for id, shown in self._offered.items():
            if name in (id, shown):
                self._choice.set_value(id)

    def changed(self) -> None:
        """Another text is written."""
        if self._plan is not None:
            self._tell()

    async def bring(self) -> None:
        """Has what is written run on the chosen node; what is not valid or fails its tests does not, and is told."""
        node = self._choice.value
        if not node:
            self._visit.complain(self._say("Choose the node first."))
            return
        if self._plan is not None and node != self._node:
            await self.end()
        text = self._editor.text
        asked = scripts.post_scripts_compile(text=text, file=self._editor.file)
        plan = await self._visit.attempt(asked.within(30.0))
        if plan is None:
            return
        before = self._plan
        if await self._visit.attempt(_put(node, plan)) is None:
            return
        self._node, self._plan, self._text = node, plan, text
        if before is not None and before["name"] != plan["name"]:
            await self._visit.attempt(_live(node, before["name"], 0))
        self._start_caption(self._say("Bring what is written"))
        self._stop.set_visibility(True)
        self._tell()

    async def end(self) -> None:
        """What was there before is back."""
        plan, self._plan = self._plan, None
        self._stop.set_visibility(False)
        self._start_caption(self._say("Run live"))
        self._state.set_text("")
        if plan is not None and await self._visit.attempt(_live(self._node, plan["name"], 0)) is not None:
            self._state.set_text(self._say("Ended: what ran before is back."))

    async def _renew(self) -> None:
        """Has it run longer; a node that has started anew gets it again."""
        plan = self._plan
        if plan is None:
            self._offer()
            return
        try:
            said = await self._visit.ask(_live(self._node, plan["name"], LEASE))
            if not said["result"]["hash"] and self._plan is plan:
                await self._visit.ask(_put(self._node, plan))
        except GanglionError as error:
            self._state.set_text(str(error))
        else:
            if self._plan is plan:
                self._tell()

    def _tell(self) -> None:
        assert self._plan is not None
        said = self._say("{name} {hash} runs on {node} while this page is open.").format(
            name=self._plan["name"], hash=self._plan["hash"][:8], node=self._offered.get(self._node, self._node)
        )
        if self._text != self._editor.text:
            said += " " + self._say("What is written is newer: Ctrl-S brings it.")
        self._state.set_text(said)

    def _start_caption(self, caption: str) -> None:
        for each in self._start.default_slot.children:
            if isinstance(each, ui.label):
                each.set_text(caption)

    def _offer(self) -> None:
        """The nodes that may be chosen."""
        nodes = self._visit.services.fleet.nodes.ordered
        offered = {each.id: each.name for each in nodes if each.revoked is None and not each.sw.startswith(_BOARD)}
        if offered != self._offered:
            self._offered = offered
            self._choice.set_options(offered, value=self._choice.value if self._choice.value in offered else None)


def _put(node: str, plan: documents.ScriptPlan) -> Any:
    params = {"plan": plan["plan"], "seconds": LEASE}
    return fleet.post_nodes_node_commands(node, method="scripts.put", params=params).within(10.0)


def _live(node: str, name: str, seconds: int) -> Any:
    params = {"name": name, "seconds": seconds}
    return fleet.post_nodes_node_commands(node, method="scripts.live", params=params).within(10.0)

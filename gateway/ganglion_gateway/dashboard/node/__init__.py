# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/nodes/{node}`: how one node is, what it reads, moves, logs and does."""

from nicegui import ui

from ganglion.client.operations import fleet
from ganglion_gateway.dashboard.dialogs import confirmed
from ganglion_gateway.dashboard.fleet import tags
from ganglion_gateway.dashboard.jobs.listing import Listing
from ganglion_gateway.dashboard.logs.view import LogView
from ganglion_gateway.dashboard.node.actuators import Actuators
from ganglion_gateway.dashboard.node.charts import Charts
from ganglion_gateway.dashboard.node.crashes import Crashes
from ganglion_gateway.dashboard.node.methods import Methods
from ganglion_gateway.dashboard.node.scripts import Scripts
from ganglion_gateway.dashboard.node.state import State
from ganglion_gateway.dashboard.parts import button, card
from ganglion_gateway.dashboard.visit import Visit


async def build(visit: Visit) -> None:
    """Fills the page."""
    node = await visit.ask(fleet.get_nodes_node(visit.path["node"]))
    visit.entitle(node["name"])
    await _Node(visit, node["id"], node["name"]).build(is_in=node["revoked"] is None)


class _Node:
    def __init__(self, visit: Visit, node: str, name: str) -> None:
        self._visit = visit
        self._id = node
        self._name = name

    async def build(self, *, is_in: bool) -> None:
        visit, say = self._visit, self._visit.say
        with ui.element("div").classes("g-bar g-under-title"):
            ui.link(say("All nodes"), "/fleet").classes("g-link")
            ui.label(self._id).classes("g-faint g-id")
            ui.element("div").classes("g-space")
            if visit.may("debug") and is_in:
                with ui.element("a").classes("g-button").props(f'href="/nodes/{self._id}/console"'):
                    ui.label(say("Console"))
            if visit.may("config") and is_in:
                button(say("Tags…"), self._tag)
            if visit.may("enrol") and is_in:
                button(say("Revoke…"), self._revoke)
        with ui.element("div").classes("g-node-page"):
            with ui.element("div").classes("g-stack g-node-main"):
                charts = Charts(visit, self._id)
                actuators = Actuators(visit, self._id)
                with card(say("Log")):
                    log = LogView(visit, node=self._id)
                methods = Methods(visit, self._id)
            with ui.element("div").classes("g-stack g-node-aside"):
                self._state = State(visit, self._id)
                scripts = Scripts(visit, self._id)
                crashes = Crashes(visit, self._id)
                with card(say("Jobs")):
                    jobs = Listing(visit, empty=say("It was in no job yet."), node=self._id, limit=5, short=True)
        await visit.every(self._state.look)
        await visit.every(jobs.look, seconds=5.0)
        await visit.every(crashes.look, seconds=10.0)
        await charts.begin()
        # What asks the node itself comes when the page is there: it may be slow, or away; and nobody may be there
        ui.timer(0.0, log.begin, once=True)
        ui.timer(0.1, actuators.look, once=True)
        ui.timer(0.2, methods.look, once=True)
        if is_in:
            ui.timer(0.3, scripts.look, once=True)

    async def _tag(self) -> None:
        if await tags.edit(self._visit, self._id):
            await self._visit.now(self._state.look)

    async def _revoke(self) -> None:
        say = self._visit.say
        question = say("Revoke {node} for good? Nobody in the mesh will believe it any more, and it must enrol anew.")
        if await confirmed(say, question.format(node=self._name), say("Revoke")):
            call = fleet.post_nodes_node_revoke(self._id)
            if await self._visit.attempt(call, done=say("It is revoked")) is not None:
                ui.navigate.reload()

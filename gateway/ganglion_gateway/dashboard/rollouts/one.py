# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/rollouts/{id}`: one rollout as it goes on, and what stops it."""

from nicegui import ui

from ganglion.client.documents import Rollout
from ganglion.client.operations import rollouts
from ganglion.units import SECOND
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.facts import pairs
from ganglion_gateway.dashboard.parts import card
from ganglion_gateway.dashboard.progress import told
from ganglion_gateway.dashboard.rollouts.crowd import Crowd
from ganglion_gateway.dashboard.rollouts.stages import Stages
from ganglion_gateway.dashboard.rollouts.states import Standing
from ganglion_gateway.dashboard.rollouts.stopping import Commands
from ganglion_gateway.dashboard.rollouts.story import Story, translated
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.rollout.terms import Terms

#: Seconds between two turns of the clocks.
_TICK = 1.0


async def build(visit: Visit) -> None:
    """Fills the page."""
    id = visit.path["rollout"]
    first = await visit.ask(rollouts.get_rollouts_rollout(id))
    visit.entitle(first["name"])
    head = _Head(visit, first)
    stages = Stages(visit, first)
    with ui.element("div").classes("g-beside"):
        with ui.element("div").classes("g-stack"):
            crowd = Crowd(visit, id)
        with ui.element("div").classes("g-stack"):
            story = Story(visit, id)
            _asked_for(visit, first)

    async def look() -> None:
        rollout = await visit.ask(rollouts.get_rollouts_rollout(id))
        now = visit.services.clock()
        head.update(rollout, now)
        stages.update(rollout, now)
        crowd.update(rollout["nodes"], is_over=bool(rollout["ended"]))
        await crowd.look()
        await story.look()

    head.commands.done = look
    await visit.every(look)
    ui.timer(_TICK, lambda: stages.tick(visit.services.clock()), immediate=False)


class _Head:
    """What it is, how it is, and what can be done about it."""

    def __init__(self, visit: Visit, rollout: Rollout) -> None:
        self._visit = visit
        say = visit.say
        with ui.element("section").classes("g-card g-section").props('data-role="head"'):
            with ui.element("div").classes("g-bar"):
                self._standing = Standing(say)
                self._how = ui.label("").classes("g-faint g-lead").props('data-role="how"')
                self.commands = Commands(visit, rollout["id"])
                report = f"/api/v1/rollouts/{rollout['id']}/report"
                props = f'href="{report}" download="rollout-{rollout["id"]}.json"'
                with ui.element("a").classes("g-button").props(props):
                    ui.label(say("Report"))
            self._why = ui.label("").classes("g-why").props('data-role="why"')
            with ui.element("div").classes("g-line"):
                with ui.element("a").classes("g-link").props(f'href="/releases/{rollout["release"]}"'):
                    ui.label(text.whole(rollout["name"]))
                ui.label(text.whole(rollout["selector"])).classes("g-id g-to")
                ui.label(rollout["id"]).classes("g-faint g-id")

    def update(self, rollout: Rollout, now: int) -> None:
        say = self._visit.say
        self._standing.update(rollout["state"])
        self.commands.update(rollout)
        begun = say("begun {ago} by {name}")
        line = begun.format(ago=text.ago(now - rollout["created"], say), name=rollout["by"])
        if rollout["ended"]:
            took = text.span((rollout["ended"] - rollout["created"]) / SECOND, say)
            line = f"{line}; {say('took {span}').format(span=took)}; {told(rollout['nodes'], say)}"
        self._how.set_text(line)
        self._why.set_text(text.whole(translated(rollout["why"], say)))
        self._why.set_visibility(bool(rollout["why"]))


def _asked_for(visit: Visit, rollout: Rollout) -> None:
    say, terms = visit.say, Terms.of(rollout["terms"])
    bounds = "; ".join(
        f"{each.sensor} {each.order} {each.value:g} ({text.span(each.lasting / SECOND, say)})" for each in terms.bounds
    )
    with card(say("What was asked for")):
        pairs(
            {
                say("Committed of a stage"): f"{terms.quorum} %",
                say("May fail of a stage"): _share(str(terms.tolerate_stage)),
                say("May fail of all"): _share(str(terms.tolerate)),
                say("A step may take"): text.span(terms.patience / SECOND, say),
                say("On the way at a time"): text.number(terms.at_once),
                say("Crashes of a node"): str(terms.crashes),
                say("Alerts of a node"): say("any number") if terms.alerts is None else str(terms.alerts),
                say("Sensors must read"): bounds or "–",
                say("An abort sends all back"): say("yes") if terms.send_back else say("no"),
            }
        )


def _share(share: str) -> str:
    return share.replace("%", " %")

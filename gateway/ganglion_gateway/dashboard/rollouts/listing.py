# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/rollouts`: every rollout with how far it is, the newest first."""

from nicegui import ui

from ganglion.client.documents import Rollout
from ganglion.client.operations import rollouts
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import Pages, attribute, choice
from ganglion_gateway.dashboard.progress import Bar, told
from ganglion_gateway.dashboard.rollouts.states import Standing, spoken
from ganglion_gateway.dashboard.visit import Visit

#: Rollouts of one page.
_PAGE = 20


async def build(visit: Visit) -> None:
    """Fills the page."""
    await _List(visit).build()


class _List:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._state = visit.query.get("state", "")
        self._lines: dict[str, _Line] = {}

    async def build(self) -> None:
        visit, say = self._visit, self._visit.say
        states = {"": say("all"), **spoken(say)}
        if self._state not in states:
            self._state = ""
        with ui.element("div").classes("g-bar"):
            about = say("A release comes to one cohort after the other, and stops where it goes wrong.")
            ui.label(about).classes("g-faint g-lead")
            choice(say("State"), states, self._state, self._choose).classes("g-filter").props(f'label="{say("State")}"')
            if visit.may("operate"):
                with ui.element("a").classes("g-button g-main-button").props('href="/rollouts/new"'):
                    ui.label(say("New rollout"))
        label = attribute(say("Rollouts"))
        self._list = ui.element("div").classes("g-rollouts").props(f'role="list" aria-label="{label}"')
        empty = say("There is none. Plan one here: a plan says who would get a release, and does nothing.")
        self._empty = ui.label(empty).classes("g-card g-empty g-faint").props('data-role="empty"')
        self._pages = Pages(say, self._look)
        await visit.every(self._look)

    async def _choose(self, state: str) -> None:
        self._state = state
        self._pages.begin()
        await self._look()

    async def _look(self) -> None:
        visit = self._visit
        call = rollouts.get_rollouts(limit=_PAGE, cursor=self._pages.cursor, state=self._state or None)
        found = await visit.ask(call)
        listed = found["rollouts"]
        if [each["id"] for each in listed] != list(self._lines):
            self._list.clear()
            with self._list:
                self._lines = {each["id"]: _Line(visit, each) for each in listed}
        now = visit.services.clock()
        for each in listed:
            self._lines[each["id"]].update(each, now)
        self._empty.set_visibility(not listed)
        self._pages.update(found["next"])


class _Line:
    """One rollout, which leads to its page."""

    def __init__(self, visit: Visit, rollout: Rollout) -> None:
        self._say = visit.say
        props = f'href="/rollouts/{rollout["id"]}" data-rollout="{rollout["id"]}"'
        with (
            ui.element("div").props('role="listitem"'),
            ui.element("a").classes("g-card g-rollout").props(props),
        ):
            with ui.element("div").classes("g-rollout-what"):
                ui.label(text.whole(rollout["name"])).classes("g-strong")
                ui.label(text.whole(rollout["selector"])).classes("g-faint")
            self._standing = Standing(visit.say)
            with ui.element("div").classes("g-rollout-far"):
                self._bar = Bar(visit.say)
                self._told = ui.label("").classes("g-faint")
            with ui.element("div").classes("g-rollout-when"):
                self._stage = ui.label("")
                self._when = ui.label("").classes("g-faint").props(f'title="{text.iso(rollout["created"])}"')

    def update(self, rollout: Rollout, now: int) -> None:
        say = self._say
        self._standing.update(rollout["state"])
        self._bar.update(rollout["nodes"], is_over=bool(rollout["ended"]))
        self._told.set_text(told(rollout["nodes"], say))
        stage = say("stage {number} of {count}").format(number=rollout["stage"], count=len(rollout["stages"]))
        self._stage.set_text(stage)
        begun = say("begun {ago} by {name}")
        self._when.set_text(begun.format(ago=text.ago(now - rollout["created"], say), name=rollout["by"]))

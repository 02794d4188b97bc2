# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/rollouts/new`: what is to go to whom and how; a plan of it; and only then the button that begins it."""

from typing import Any

from nicegui import ui

from ganglion.client.operations import releases, rollouts
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import Action, attribute, button, card, field, tagged
from ganglion_gateway.dashboard.releases.listing import SHORT
from ganglion_gateway.dashboard.rollouts.planned import planned
from ganglion_gateway.dashboard.visit import Visit

#: Releases to choose from, the newest first, and words of a selector that are offered of each kind.
_RELEASES = 200
_WORDS = 8


async def build(visit: Visit) -> None:
    """Fills the page."""
    await _Form(visit).build()


class _Form:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._asked: dict[str, Any] = {}
        self._fields: dict[str, ui.input] = {}

    async def build(self) -> None:
        visit, say = self._visit, self._visit.say
        known = (await visit.ask(releases.get_releases(limit=_RELEASES)))["releases"]
        if not known:
            with ui.element("div").classes("g-card g-empty"):
                ui.label(say("There is no release yet that could be rolled out.")).classes("g-faint")
                if visit.may("config"):
                    with ui.element("a").classes("g-link").props('href="/releases/new"'):
                        ui.label(say("New release"))
            return
        options = {each["id"]: f"{text.whole(each['name'])} · {each['id'][:SHORT]}" for each in known}
        wanted = visit.query.get("release", "")
        with ui.element("form").classes("g-stack").on("submit.prevent", self._plan):
            with card(say("What, and to whom")):
                with ui.element("div").classes("g-fields"):
                    chosen = wanted if wanted in options else known[0]["id"]
                    self._release = ui.select(options, label=say("Release"), value=chosen, on_change=self._changed)
                    label = attribute(say("Release"))
                    self._release.props(f'dense outlined options-dense aria-label="{label}"').classes("g-field")
                    self._field("selector", say("Nodes, as tag=fridge and board=esp32"), visit.query.get("to", ""))
                self._words()
            with card(say("In which steps")):
                about = say("A stage has some percent of all, and a soak time of its own where it is given: 10%:1h.")
                ui.label(about).classes("g-faint")
                with ui.element("div").classes("g-fields"):
                    self._field("stages", say("Stages"), "1%, 10%, 50%, 100%")
                    self._field("soak", say("Soak time of a stage"), "10m")
                self._more()
                self._trouble = ui.label("").classes("g-trouble").props('role="alert"')
                self._trouble.set_visibility(False)
                with ui.element("div").classes("g-bar"):
                    self._look = button(say("See the plan"), kind="submit", main=True)
                    ui.label(say("A plan does nothing.")).classes("g-faint")
        self._result = ui.element("div").classes("g-stack").props('data-role="plan" aria-live="polite"')

    def _field(self, name: str, label: str, value: str) -> None:
        self._fields[name] = field(label, value, self._changed)

    def _more(self) -> None:
        """What most rollouts leave as it is."""
        say = self._visit.say
        with ui.element("details").classes("g-file"):
            with ui.element("summary"):
                tagged("b", say("When it goes on, and when it is aborted"))
            with ui.element("div").classes("g-stack"):
                with ui.element("div").classes("g-fields"):
                    self._field("quorum", say("Percent of a stage that must have committed"), "80")
                    self._field("tolerate_stage", say("So many of a stage may fail, as 3 or 5%"), "5%")
                    self._field("tolerate", say("So many of all may fail, as 3 or 5%"), "5%")
                    self._field("patience", say("What a node may take for a step"), "30m")
                    self._field("at_once", say("Nodes on the way at a time"), "200")
                    self._field("crashes", say("Crashes of a node that are no failure"), "0")
                    self._field("alerts", say("Alerts of a node that are no failure; empty: any"), "")
                bounds = say("What sensors must read, one a line: system.temperature < 80 for 5m")
                self._bounds = ui.textarea(bounds, on_change=self._changed).classes("g-writing")
                self._bounds.props(f'dense outlined autogrow spellcheck="false" aria-label="{attribute(bounds)}"')
                back = say("An abort sends those that have committed back to what they had, too")
                self._send_back = ui.checkbox(back, on_change=self._changed)

    def _words(self) -> None:
        """What nodes can be chosen by, to be added with a click."""
        say, nodes = self._visit.say, self._visit.services.fleet.nodes.values()
        counts: dict[str, int] = {}
        for node in nodes:
            words = [*(f"tag={tag}" for tag in node.tags), *([f"board={node.board}"] if node.board else ())]
            for word in words:
                counts[word] = counts.get(word, 0) + 1
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[: 2 * _WORDS]
        if not frequent:
            return
        with (
            ui.element("div")
            .classes("g-chips")
            .props(f'role="group" aria-label="{attribute(say("Add to the nodes"))}"')
        ):
            for word, count in (("all", len(nodes)), *((word, counts[word]) for word in frequent)):
                made = ui.element("button").classes("g-button g-count").props('type="button"')
                with made.on("click", self._adding(word)):
                    tagged("b", text.number(count))
                    ui.label(text.whole(word)).classes("g-id")

    def _adding(self, word: str) -> Action:
        def add() -> None:
            selector = self._fields["selector"]
            before = (selector.value or "").strip()
            selector.value = f"{before} and {word}" if before and word != "all" and before != "all" else word

        return add

    def _changed(self, *_: object) -> None:
        """A plan of something else is none: what is begun is what was looked at."""
        if self._asked:
            self._asked = {}
            self._result.clear()

    async def _plan(self) -> None:
        visit = self._visit
        asked = self._body()
        made = await visit.attempt(rollouts.post_rollouts_plan(**asked), trouble=self._trouble)
        self._result.clear()
        if made is None:
            return
        self._asked = {**asked, "id_": made["id"]}
        with self._result:
            planned(visit, made, self._start)
        ui.run_javascript(f"getHtmlElement({self._result.id}).scrollIntoView({{block: 'start'}})")

    async def _start(self) -> None:
        visit, asked = self._visit, self._asked
        if not asked:
            return
        begun = await visit.attempt(rollouts.post_rollouts(**asked))
        if begun is not None:
            ui.navigate.to(f"/rollouts/{begun['id']}")

    def _body(self) -> dict[str, Any]:
        """What is written, as the API takes it: what makes no sense is the API's to say."""
        given = {name: (each.value or "").strip() for name, each in self._fields.items()}
        found: dict[str, Any] = {
            **given,
            "release": self._release.value,
            "stages": [part.strip() for part in given["stages"].split(",") if part.strip()],
            "bounds": [line.strip() for line in (self._bounds.value or "").splitlines() if line.strip()],
            "alerts": given["alerts"] or None,
            "send_back": bool(self._send_back.value),
        }
        return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""The page put together: the editor, what is said of its text as it is typed, and what may be done with it."""

import asyncio

from nicegui import background_tasks, ui

from ganglion.client.operations import scripts
from ganglion.errors import GanglionError
from ganglion.mova.templates import template
from ganglion_gateway.dashboard.parts import button
from ganglion_gateway.dashboard.scripts.editor import Editor
from ganglion_gateway.dashboard.scripts.findings import Findings, summary
from ganglion_gateway.dashboard.scripts.graphs import Graphs
from ganglion_gateway.dashboard.scripts.live import Live
from ganglion_gateway.dashboard.scripts.opening import Script, of_address, opening
from ganglion_gateway.dashboard.scripts.rehearsals import Rehearsals
from ganglion_gateway.dashboard.scripts.saving import saving
from ganglion_gateway.dashboard.scripts.tabs import Tabs
from ganglion_gateway.dashboard.scripts.trials import Trials
from ganglion_gateway.dashboard.visit import Visit

#: Seconds without a key after which what is written is checked.
_PAUSE = 0.12


async def build(visit: Visit) -> None:
    """Fills the page. Its address may name a `node` to run on, and what to open: a `script` of it, or the `file` of a
    `release`."""
    _Scripts(visit).build()


class _Scripts:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._say = visit.say
        self._came = ("", "")
        self._checking: asyncio.Task[None] | None = None
        self._trials: Trials | None = None
        self._runs: Rehearsals | None = None
        self._live: Live | None = None

    def build(self) -> None:
        visit, say = self._visit, self._say
        may_run, may_save = visit.may("operate"), visit.may("config")
        with ui.element("div").classes("g-bar g-script-bar"):
            ask = button(say("Open…"))
            self._name = ui.input(value="my_script.yaml").classes("g-field g-file-name")
            self._name.props(f'dense outlined aria-label="{say("File name")}" maxlength="55"')
            with ui.element("span").classes("g-chip").props('role="status"') as self._chip:
                ui.element("span").classes("g-dot").props('aria-hidden="true"')
                self._state = ui.label("")
            ui.element("div").classes("g-space")
            save = button(say("Save as a release…"), main=True) if may_save else None
        below = ui.element("div").classes("g-ed-below")
        with ui.element("div").classes("g-scripts"):
            with ui.element("section").classes("g-card g-editor-card").props(f'aria-label="{say("Script")}"'):
                keys = {"Mod-s": self._key_save, "Mod-Enter": self._key_test} if may_run else {}
                text = template("edge", "my_script")
                self._editor = Editor(
                    visit, text, "my_script.yaml", changed=self._changed, chosen=self._forget, keys=keys
                )
            with ui.element("section").classes("g-card g-ed-aside").props(f'aria-label="{say("What is said of it")}"'):
                captions = {"findings": say("Findings"), "graph": say("Graph")}
                captions |= {"tests": say("Tests"), "run": say("Own run")} if may_run else {}
                self._tabs = Tabs(say("What is said of it"), captions, lambda name: self._changed())
                with self._tabs.panels["findings"]:
                    self._findings = Findings(say, self._editor.jump)
                with self._tabs.panels["graph"]:
                    self._graphs = Graphs(visit, self._editor.jump)
                if may_run:
                    with self._tabs.panels["tests"]:
                        self._trials = Trials(visit, self._editor, self._tested)
                    with self._tabs.panels["run"]:
                        self._runs = Rehearsals(visit, self._editor)
        if may_run:
            self._live = Live(visit, self._editor)
            self._live.choose(visit.query.get("node", ""))
        ask.on("click", opening(visit, self._open, self._node))
        if save is not None:
            with below:
                self._save = saving(visit, self._editor, lambda: self._came)
            save.on("click", lambda: self._save())
        self._name.on("blur", self._rename).on("keydown.enter", self._rename)
        ui.timer(0.0, self._begin, once=True)

    async def _begin(self) -> None:
        """What the browser kept, else what the address names, else a template."""
        if not await self._editor.begin() and (script := await of_address(self._visit)) is not None:
            self._open(script, is_of_address=True)
        self._name.set_value(self._editor.file)
        self._changed()

    def _open(self, script: Script, *, is_of_address: bool = False) -> None:
        self._forget(script.release, script.path)
        self._editor.open(script.text, script.file, is_of_address=is_of_address)
        self._name.set_value(self._editor.file)
        if self._live is not None and script.node and not self._live.runs:
            self._live.choose(script.node)

    def _forget(self, release: str = "", path: str = "") -> None:
        """Another document is open: what was said of the one before does not stand for it."""
        self._came = (release, path)
        for each in (self._trials, self._runs):
            if each is not None:
                each.forget()

    def _node(self) -> str:
        return self._visit.query.get("node", "") if self._live is None else self._live.chosen

    def _rename(self) -> None:
        if self._name.value != self._editor.file and not self._editor.rename(str(self._name.value)):
            self._visit.complain(self._say("A script is called by letters, digits, - and _, with .yaml or .json."))
            self._name.set_value(self._editor.file)

    def _changed(self) -> None:
        """Has the text be checked when nothing was typed for a moment."""
        if self._checking is not None:
            self._checking.cancel()
        self._checking = background_tasks.create(self._check(), name="check")
        if self._live is not None:
            self._live.changed()
        if self._trials is not None:
            self._trials.changed()

    async def _check(self) -> None:
        await asyncio.sleep(_PAUSE)
        text, file = self._editor.text, self._editor.file
        call = scripts.post_scripts_check(text=text, file=file, language=self._visit.language)
        try:
            found = await self._visit.ask(call.within(30.0))
        except GanglionError as error:
            self._tell(str(error), "bad")
            return
        if self._name.value != file and self._editor.file == file:
            self._name.set_value(file)
        findings = found["diagnostics"]
        self._editor.mark(findings)
        self._findings.update(findings)
        self._tell(*summary(self._say, findings))
        count = f" {len(findings)}" if findings else ""
        self._tabs.caption("findings", self._say("Findings") + count)
        if self._runs is not None:
            self._runs.offer(found["protocols"])
        if self._tabs.current == "graph":
            if found["valid"]:
                await self._graphs.update(text, file)
            else:
                self._graphs.stale()

    def _tell(self, text: str, state: str) -> None:
        self._state.set_text(text)
        self._chip.classes(remove="g-is-good g-is-warn g-is-bad", add=f"g-is-{state}")

    def _tested(self, mark: str) -> None:
        self._tabs.caption("tests", f"{self._say('Tests')} {mark}".strip())

    async def _key_save(self) -> None:
        if self._live is not None and self._live.runs:
            await self._live.bring()
        elif self._visit.may("config"):
            await self._save()

    async def _key_test(self) -> None:
        if self._trials is not None:
            self._tabs.show("tests")
            await self._trials.run()

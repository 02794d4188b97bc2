# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of a script, run in virtual time: what failed and why, what happened, and each run step by step."""

from collections.abc import Callable

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import scripts
from ganglion_gateway.dashboard.parts import button, tagged
from ganglion_gateway.dashboard.scripts import traces
from ganglion_gateway.dashboard.scripts.editor import Editor
from ganglion_gateway.dashboard.visit import Visit


class Trials:
    """The tests, and a button that runs them.

    Args:
        told: Is called with what the tab says of them.
    """

    def __init__(self, visit: Visit, editor: Editor, told: Callable[[str], None]) -> None:
        self._visit = visit
        self._say = visit.say
        self._editor = editor
        self._told = told
        with ui.element("div").classes("g-bar"):
            self._button = button(self._say("Run the tests"), self.run, main=True)
            self._sum = ui.label("").classes("g-faint").props('role="status"')
        self._list = ui.element("div").classes("g-ed-trials")
        self._tested: str | None = None
        self._begin()

    def changed(self) -> None:
        """Another text is written: what is said of the one before stays to be read, and stands for nothing now."""
        if self._tested is not None and self._tested != self._editor.text:
            self._tested = None
            self._told("")
            self._sum.set_text(self._say("Of what was written before."))

    def forget(self) -> None:
        """Another document is open."""
        self._tested = None
        self._told("")
        self._sum.set_text("")
        self._begin()

    def _begin(self) -> None:
        self._list.clear()
        with self._list:
            ui.label(self._say("Days go by in less than a second; Ctrl-Enter in the script runs them, too.")).classes(
                "g-faint"
            )

    async def run(self) -> None:
        """Runs them all."""
        self._button.props("disabled")
        tested = self._editor.text
        call = scripts.post_scripts_test(text=tested, file=self._editor.file)
        try:
            found = await self._visit.attempt(call.within(30.0))
        finally:
            self._button.props(remove="disabled")
        if found is None:
            return
        tests = found["tests"]
        bad = sum(not each["passed"] for each in tests)
        text = self._say("{bad} of {count} failed") if bad else self._say("{count} passed")
        self._sum.set_text(text.format(bad=bad, count=len(tests)))
        self._tested = tested
        self._told("✗" if bad else "✓" if tests else "")
        self.changed()
        self._list.clear()
        with self._list:
            if not tests:
                ui.label(self._say("The script has no tests: write some under `tests`.")).classes("g-faint")
            for each in tests:
                self._one(each)

    def _one(self, test: documents.ScriptTest) -> None:
        say = self._say
        with ui.element("article").classes("g-ed-trial").props(f'data-passed="{str(test["passed"]).lower()}"'):
            with ui.element("button").classes("g-ed-finding").props('type="button"') as head:
                head.on("click", lambda: self._editor.jump(test["line"], test["column"]))
                state = "good" if test["passed"] else "bad"
                ui.element("span").classes(f"g-dot g-{state}").props('aria-hidden="true"')
                with ui.element("span").classes("g-ed-finding-text"):
                    tagged("b", test["name"])
                    said = say("passed") if test["passed"] else say("did not pass")
                    line = say("line {line}").format(line=test["line"])
                    ui.label(f"{said} · {line} · {traces.span(test['virtual_s'] * 1000)}").classes("g-faint")
            for each in test["failures"]:
                ui.label(each).classes("g-ed-failure")
            if test["happened"] or test["episodes"]:
                with ui.element("details").classes("g-ed-more") as more:
                    if not test["passed"]:
                        more.props("open")
                    tagged("summary", say("What happened"))
                    traces.happened(say, test["happened"])
                    for told in test["episodes"]:
                        traces.episode(say, told, test["began"])

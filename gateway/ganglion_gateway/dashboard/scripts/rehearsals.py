# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a protocol with what somebody gives it, in virtual time."""

import json
from typing import Any

from nicegui import ui

from ganglion.client.operations import scripts
from ganglion.errors import InvalidError
from ganglion_gateway.dashboard.parts import attribute, button, tagged
from ganglion_gateway.dashboard.scripts import traces
from ganglion_gateway.dashboard.scripts.editor import Editor
from ganglion_gateway.dashboard.visit import Visit


class Rehearsals:
    """What is given, the button, and what came of it."""

    def __init__(self, visit: Visit, editor: Editor) -> None:
        self._visit = visit
        self._say = say = visit.say
        self._editor = editor
        ui.label(say("One run in virtual time; nothing outside is reached: you say what it finds.")).classes("g-faint")
        with ui.element("div").classes("g-ed-given"):
            self._protocol = ui.select([], label=say("Protocol")).classes("g-field")
            self._protocol.props(f'dense outlined aria-label="{say("Protocol")}"')
            self._value = _field(say("Value of the event, or what is said"), "9.5")
            self._sensors = _field(say("Sensors, as JSON"), '{"air.temperature": 9.5}')
            self._session = _field(say("Session, as JSON"), '{"city": "Kyiv"}')
            self._llm = _field(say("What a model answers, if it is up"), '{"answer": "yes"}')
            self._tools = _field(say("What tools answer, as JSON"), '{"weather": {"temp": 5}}')
        with ui.element("div").classes("g-bar"):
            self._button = button(say("Run"), self.run, main=True)
        self._result = ui.element("div").classes("g-ed-trials").props('aria-live="polite"')

    def offer(self, protocols: list[str]) -> None:
        """The protocols that the script has now."""
        if protocols != self._protocol.options:
            chosen = self._protocol.value if self._protocol.value in protocols else next(iter(protocols), None)
            self._protocol.set_options(protocols, value=chosen)

    def forget(self) -> None:
        """Another document is open."""
        self._result.clear()

    async def run(self) -> None:
        """Runs it."""
        say = self._say
        if not self._protocol.value:
            self._visit.complain(say("The script has no protocol yet."))
            return
        try:
            given = {
                "sensors": self._object(self._sensors),
                "session": self._object(self._session),
                "tools": self._object(self._tools),
            }
        except InvalidError as error:
            self._visit.complain(error)
            return
        self._button.props("disabled")
        call = scripts.post_scripts_run(
            text=self._editor.text,
            file=self._editor.file,
            protocol=self._protocol.value,
            value=_read(self._value.value),
            llm=_read(self._llm.value) if self._llm.value else "down",
            **given,
        )
        try:
            found = await self._visit.attempt(call.within(30.0))
        finally:
            self._button.props(remove="disabled")
        if found is None:
            return
        self._result.clear()
        with self._result:
            traces.episode(say, found["episode"], found["began"])
            tagged("h3", say("What happened"))
            traces.happened(say, found["happened"])
            if found["session"]:
                tagged("h3", say("The session at the end"))
                shown = json.dumps(found["session"], ensure_ascii=False, indent=2)
                tagged("pre", shown).classes("g-code").props('tabindex="0"')

    def _object(self, field: ui.input) -> dict[str, Any]:
        found = _read(field.value) if field.value else {}
        if not isinstance(found, dict):
            label = field.props["label"]
            raise InvalidError(
                self._say("{field}: write a map, as {example}").format(field=label, example=field.props["placeholder"])
            )
        return found


def _field(label: str, example: str) -> ui.input:
    made = ui.input(label, placeholder=example).classes("g-field g-ed-json")
    return made.props(f'dense outlined stack-label aria-label="{attribute(label)}" spellcheck="false"')


def _read(written: str | None) -> Any:
    """What is written as JSON; text that is none stands for itself."""
    try:
        return json.loads(written) if written else None
    except ValueError:
        return written

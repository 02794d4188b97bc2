# SPDX-License-Identifier: GPL-3.0-or-later
"""A document of rules that is signed and goes to every node: read by all, changed by who may."""

import json
from collections.abc import Callable
from typing import Any

from nicegui import ui

from ganglion.client.call import Call
from ganglion_gateway.dashboard.dialogs import confirmed
from ganglion_gateway.dashboard.fields import no_json
from ganglion_gateway.dashboard.parts import attribute, button, card
from ganglion_gateway.dashboard.visit import Visit


class Rules:
    """The card.

    Args:
        name: Of the list in the document.
        show: Asks for the document.
        put: Has another list hold.
    """

    def __init__(
        self,
        visit: Visit,
        name: str,
        show: Callable[[], Call[Any]],
        put: Callable[..., Call[Any]],
    ) -> None:
        self._visit = visit
        self._name = name
        self._show = show
        self._put = put
        self._version = 0

    async def build(self, heading: str, about: str) -> None:
        """Fills it."""
        visit, say = self._visit, self._visit.say
        with card(heading):
            ui.label(about).classes("g-faint")
            self._holds = ui.label("").classes("g-faint")
            self._text = ui.textarea().classes("g-rules")
            self._text.props(f'dense outlined autogrow spellcheck="false" aria-label="{attribute(heading)}"')
            if visit.may("config"):
                with ui.element("div").classes("g-bar"):
                    button(say("Have this hold"), self._change)
                    button(say("As it is now"), self._look)
            else:
                self._text.disable()
        await self._look()

    async def _look(self) -> None:
        known = await self._visit.ask(self._show())
        self._version = known["version"]
        self._holds.set_text(self._visit.say("Version {version}").format(version=self._version))
        self._text.value = json.dumps(known[self._name], indent=2, ensure_ascii=False)

    async def _change(self) -> None:
        visit, say = self._visit, self._visit.say
        try:
            rules = json.loads(self._text.value or "")
        except ValueError as error:
            visit.complain(say("This is no JSON: {why}").format(why=no_json(say, error)))
            return
        if not await confirmed(say, say("This holds on every node within seconds."), say("Have this hold")):
            return
        call = self._put(**{self._name: rules, "version": self._version})
        if await visit.attempt(call, done=say("It is signed and on its way.")) is not None:
            await self._look()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/releases/new`: files and wheels are chosen or written, and become a release."""

from typing import Any

from nicegui import ui

from ganglion.client.call import UNSET
from ganglion.client.operations import releases
from ganglion.errors import InvalidError
from ganglion.release.manifest import WINDOW
from ganglion.units import SECOND, duration
from ganglion_gateway.dashboard.parts import button, card, field
from ganglion_gateway.dashboard.releases.piles import Files, Wheels
from ganglion_gateway.dashboard.releases.sending import Sending
from ganglion_gateway.dashboard.visit import Visit


async def build(visit: Visit) -> None:
    """Fills the page."""
    _Create(visit).build()


class _Create:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        sending = Sending(visit)
        self._files, self._wheels = Files(visit, sending), Wheels(visit, sending)

    def build(self) -> None:
        say = self._visit.say
        with ui.element("form").classes("g-stack").on("submit.prevent", self._make):
            self._files.build()
            self._wheels.build()
            with card(say("What it needs")):
                about = say("Nodes that lack something say so and keep what they run. Words are set apart by commas.")
                ui.label(about).classes("g-faint")
                with ui.element("div").classes("g-fields"):
                    self._boards = field(say("Boards, as raspberry-pi-4"))
                    self._agent = field(say("Ganglion, as >=0.1,<2"))
                    self._capabilities = field(say("Sensors and actuators, as sensor:door"))
            with card(say("Name and trial")):
                with ui.element("div").classes("g-fields"):
                    self._name = field(say("Name, as fridge-2"))
                    self._window = field(say("How long it has to prove itself on a node"), f"{WINDOW}s")
                self._trouble = ui.label("").classes("g-trouble").props('role="alert"')
                self._trouble.set_visibility(False)
                with ui.element("div").classes("g-bar"):
                    button(say("Make the release"), kind="submit", main=True)
                    with ui.element("a").classes("g-button").props('href="/releases"'):
                        ui.label(say("Cancel"))

    async def _make(self) -> None:
        visit, trouble = self._visit, self._trouble
        if self._files.is_busy or self._wheels.is_busy:
            self._refused(visit.say("Not all of it is at the gateway yet: wait a moment."))
            return
        try:
            window = duration(self._window.value or "", where=visit.say("trial")) // SECOND
        except InvalidError as error:
            self._refused(str(error))
            return
        call = releases.post_releases(
            name=(self._name.value or "").strip(),
            files=self._files.listed,
            agent=self._wheels.listed or UNSET,
            requires=self._requires(),
            window=window,
        )
        made = await visit.attempt(call, trouble=trouble)
        if made is not None:
            ui.navigate.to(f"/releases/{made['id']}")

    def _refused(self, why: str) -> None:
        self._trouble.set_text(why)
        self._trouble.set_visibility(True)

    def _requires(self) -> dict[str, Any]:
        def words(given: ui.input) -> list[str]:
            return [word.strip() for word in (given.value or "").split(",") if word.strip()]

        found: dict[str, Any] = {"board": words(self._boards), "capabilities": words(self._capabilities)}
        agent = (self._agent.value or "").strip()
        return {name: value for name, value in {**found, "agent": agent}.items() if value}

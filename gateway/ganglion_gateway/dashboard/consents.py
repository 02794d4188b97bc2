# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of commands that wait for a person: who asks, for what, why and until when; who may, says yes or no here."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from ganglion.client.operations import consents
from ganglion.units import SECOND
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import attribute, button, tagged
from ganglion_gateway.dashboard.visit import Visit


class Consents:
    """The list; not there while nothing waits.

    Args:
        decided: Is called when something was decided; None for who may only look.
    """

    def __init__(self, visit: Visit, decided: Callable[[], object] | None) -> None:
        self._visit = visit
        self._say = visit.say
        self._decided = decided
        self._shown: list[str] = []
        self._left: list[tuple[ui.label, int]] = []
        title = self._say("Waits for a person")
        self._section = ui.element("section").classes("g-card g-side").props(f'aria-label="{attribute(title)}"')
        with self._section:
            tagged("h2", title)
            self._list = ui.element("div").classes("g-alerts").props('role="log" aria-live="polite" tabindex="0"')
        self._section.set_visibility(False)

    def update(self, waiting: list[dict[str, Any]], now: int) -> None:
        """Shows what waits."""
        if [row["id"] for row in waiting] != self._shown:
            self._shown = [row["id"] for row in waiting]
            self._list.clear()
            self._left = []
            with self._list:
                for row in waiting:
                    self._line(row)
            self._section.set_visibility(bool(waiting))
        for label, expires in self._left:
            label.set_text(self._say("{span} left").format(span=text.span(max(0, expires - now) / SECOND, self._say)))

    def _line(self, row: dict[str, Any]) -> None:
        with ui.element("div").classes("g-consent").props(f'data-consent="{row["id"]}"'):
            with ui.element("div").classes("g-alert-top"):
                ui.label(text.whole(self._say("{owner} on {node}").format(owner=row["owner"], node=row["name"])))
                left = ui.label("").props(f'title="{text.iso(row["expires"])}"')
                self._left.append((left, row["expires"]))
            what = f"{text.whole(row['actuator'])} = {text.exact(row['value'])}"
            wanted = ui.label(what).classes("g-alert-text")
            wanted.tag = "b"
            if row["why"]:
                ui.label(" ".join(row["why"].split())).classes("g-alert-text g-faint")
            if self._decided is not None:
                with ui.element("div").classes("g-consent-buttons"):
                    for word, granted in ((self._say("Grant"), True), (self._say("Refuse"), False)):
                        self._button(row, word, what, granted)

    def _button(self, row: dict[str, Any], word: str, what: str, granted: bool) -> None:
        async def decide() -> None:
            decision = consents.post_consents_consent_grant if granted else consents.post_consents_consent_refuse
            if await self._visit.attempt(decision(row["id"])) is not None and self._decided is not None:
                self._decided()

        button(word, decide).props["aria-label"] = f"{word} {what}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of commands that wait for a person: who asks, for what, why and until when; who may, says yes or no here."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from ganglion.errors import GanglionError
from ganglion.units import SECOND
from ganglion_gateway.dashboard import text

#: Decides on one by its id; True to grant it. Raises GanglionError where that is too late, or not for who asks.
Decide = Callable[[str, bool], Awaitable[object]]


class Consents:
    """The list; not there while nothing waits.

    Args:
        decide: None for who may only look.
    """

    def __init__(self, decide: Decide | None) -> None:
        self._decide = decide
        self._shown: list[str] = []
        self._left: list[tuple[ui.label, int]] = []
        self._section = ui.element("section").classes("g-card g-side").props('aria-label="Waits for a person"')
        with self._section:
            heading = ui.label("Waits for a person")
            heading.tag = "h2"
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
            label.set_text(f"{text.span(max(0, expires - now) / SECOND)} left")

    def _line(self, row: dict[str, Any]) -> None:
        with ui.element("div").classes("g-consent").props(f'data-consent="{row["id"]}"'):
            with ui.element("div").classes("g-alert-top"):
                ui.label(text.whole(f"{row['owner']} on {row['name']}"))
                left = ui.label("").props(f'title="until {text.iso(row["expires"])}"')
                self._left.append((left, row["expires"]))
            what = f"{text.whole(row['actuator'])} = {text.exact(row['value'])}"
            wanted = ui.label(what).classes("g-alert-text")
            wanted.tag = "b"
            if row["why"]:
                ui.label(" ".join(row["why"].split())).classes("g-alert-text g-faint")
            if self._decide is not None:
                with ui.element("div").classes("g-consent-buttons"):
                    for word, granted in (("Grant", True), ("Refuse", False)):
                        self._button(row, word, what, granted)

    def _button(self, row: dict[str, Any], word: str, what: str, granted: bool) -> None:
        async def decide() -> None:
            assert self._decide is not None
            try:
                await self._decide(row["id"], granted)
            except GanglionError as error:
                ui.notify(str(error), type="negative")

        button = ui.element("button").classes("g-button").props('type="button"').on("click", decide)
        button.props["aria-label"] = f"{word} {what}"
        with button:
            ui.label(word)

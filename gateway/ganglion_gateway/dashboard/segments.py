# SPDX-License-Identifier: GPL-3.0-or-later
"""One of a few, as buttons beside each other: a range of time, a level, a state."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui

from ganglion_gateway.dashboard.parts import attribute


class Segments:
    """The buttons.

    Args:
        choices: Key to caption.
        value: The one that holds at first.
        chosen: Is called with another, and awaited.
        label: What is chosen, for screen readers.

    Attributes:
        value: The one that holds.
    """

    def __init__(
        self, choices: Mapping[str, str], value: str, chosen: Callable[[str], Awaitable[Any] | None], *, label: str
    ) -> None:
        self.value = value
        self._chosen = chosen
        self._buttons: dict[str, ui.element] = {}
        self._captions: dict[str, ui.label] = {}
        with ui.element("div").classes("g-segments").props(f'role="group" aria-label="{attribute(label)}"'):
            for key, caption in choices.items():
                self._button(key, caption)

    def caption(self, key: str, caption: str) -> None:
        """Says something else on one."""
        if self._captions[key].text != caption:
            self._captions[key].set_text(caption)

    def hide(self, key: str, hidden: bool) -> None:
        """One that is of no use now."""
        self._buttons[key].set_visibility(not hidden or key == self.value)

    def _button(self, key: str, caption: str) -> None:
        async def choose() -> None:
            if key != self.value:
                self._press(self.value, False)
                self.value = key
                self._press(key, True)
                if (waited := self._chosen(key)) is not None:
                    await waited

        made = ui.element("button").classes("g-segment").props(f'type="button" data-choice="{attribute(key)}"')
        made.on("click", choose)
        with made:
            self._captions[key] = ui.label(caption)
        self._buttons[key] = made
        self._press(key, key == self.value)

    def _press(self, key: str, pressed: bool) -> None:
        self._buttons[key].props["aria-pressed"] = "true" if pressed else "false"

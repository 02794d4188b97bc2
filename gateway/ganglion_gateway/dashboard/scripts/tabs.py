# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of which one is shown, as WAI-ARIA has them: arrows go from tab to tab."""

from collections.abc import Callable

from nicegui import ui

from ganglion_gateway.dashboard.parts import attribute

_ARROWS = (
    "event => { const all = [...event.currentTarget.querySelectorAll('[role=tab]')];"
    " const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];"
    " if (step) all[(all.indexOf(document.activeElement) + step + all.length) % all.length].click(); }"
)


class Tabs:
    """The row of tabs, and their panels.

    Args:
        label: What they are for.
        shown: Is called with the name of the panel that is shown now.
    """

    def __init__(self, label: str, captions: dict[str, str], shown: Callable[[str], object]) -> None:
        self._shown = shown
        self.current = next(iter(captions))
        self._buttons: dict[str, ui.element] = {}
        self._captions: dict[str, ui.label] = {}
        self.panels: dict[str, ui.element] = {}
        with ui.element("div").classes("g-ed-tabs").props(f'role="tablist" aria-label="{attribute(label)}"') as row:
            row.on("keydown", js_handler=_ARROWS)
            for name, caption in captions.items():
                with ui.element("button").classes("g-ed-tab") as made:
                    made.props(f'type="button" role="tab" id="tab-{name}" aria-controls="panel-{name}"')
                    self._captions[name] = ui.label(caption)
                made.on("click", lambda name=name: self.show(name))
                self._buttons[name] = made
        for name in captions:
            panel = ui.element("div").classes("g-ed-panel")
            panel.props(f'role="tabpanel" id="panel-{name}" aria-labelledby="tab-{name}"')
            self.panels[name] = panel
        self._update()

    def show(self, name: str) -> None:
        """Shows a panel."""
        self.current = name
        self._update()
        self._shown(name)

    def caption(self, name: str, caption: str) -> None:
        """Gives a tab another caption."""
        self._captions[name].set_text(caption)

    def _update(self) -> None:
        for name, made in self._buttons.items():
            is_current = name == self.current
            made.props(f'aria-selected="{str(is_current).lower()}" tabindex="{0 if is_current else -1}"')
            self.panels[name].set_visibility(is_current)
        ui.run_javascript(
            f"const tab = document.getElementById('tab-{self.current}');"
            "if (document.activeElement?.role === 'tab' && tab) tab.focus()"
        )

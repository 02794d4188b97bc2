# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocols of a script as flowcharts, the same as `ganglion mova graph` makes; a box leads to its step."""

from collections.abc import Callable

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import scripts
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard.parts import attribute
from ganglion_gateway.dashboard.visit import Visit

#: What a browser draws in time; Mermaid itself stops at 500 arrows.
_MOST_LINES, _MOST_LETTERS = 400, 40_000
_CONFIG = {
    "startOnLoad": False,
    "securityLevel": "strict",
    "theme": "base",
    "fontFamily": "inherit",
    "themeVariables": {"fontSize": "13px"},  # as the style sheet has it: boxes are made to measure
    "flowchart": {"htmlLabels": False, "curve": "basis", "padding": 12},
}


class Graphs:
    """The chart of one protocol at a time.

    Args:
        jump: Goes to a line and column.
    """

    def __init__(self, visit: Visit, jump: Callable[[int, int], None]) -> None:
        self._visit = visit
        self._say = visit.say
        self._jump = jump
        self._asked = ("", "")
        self._graphs: dict[str, documents.ScriptGraph] = {}
        self._choice = ui.select([], label=self._say("Protocol"), on_change=lambda _: self._draw()).classes("g-field")
        self._choice.props(f'dense outlined aria-label="{self._say("Protocol")}"')
        self._note = ui.label(self._say("A script without errors is drawn here.")).classes("g-faint")
        with ui.element("div").classes("g-ed-graph").props('tabindex="0" role="group"') as self._frame:
            self._chart = ui.mermaid(
                "flowchart TD", config=_CONFIG, on_node_click=lambda event: self._go(event.node_id)
            )
        self._choice.set_visibility(False)
        self._frame.set_visibility(False)

    async def update(self, text: str, file: str) -> None:
        """Draws a script that has no errors; one that has is not drawn, and what was drawn before stays."""
        if (text, file) == self._asked:
            return
        try:
            found = (await self._visit.ask(scripts.post_scripts_graph(text=text, file=file)))["graphs"]
        except GanglionError as error:
            self._note.set_text(str(error))
            self._note.set_visibility(True)
            return
        self._asked = (text, file)
        self._graphs = {each["protocol"]: each for each in found}
        names = list(self._graphs)
        chosen = self._choice.value if self._choice.value in names else next(iter(names), None)
        self._choice.set_options(names, value=chosen)
        self._choice.set_visibility(len(names) > 1)
        self._draw()

    def stale(self) -> None:
        """The script has errors now."""
        self._asked = ("", "")
        before = self._say("The script has errors; what is drawn is from before.")
        self._note.set_text(before if self._frame.visible else self._say("A script without errors is drawn here."))
        self._note.set_visibility(True)

    def _draw(self) -> None:
        graph = self._graphs.get(self._choice.value or "")
        if graph is None:
            self._note.set_text(self._say("The script has no protocol yet."))
            self._note.set_visibility(True)
            self._frame.set_visibility(False)
            return
        drawn = graph["mermaid"]
        fits = drawn.count("\n") < _MOST_LINES and len(drawn) < _MOST_LETTERS
        self._note.set_text("" if fits else self._say("It is too large to be drawn here: use ganglion mova graph."))
        self._note.set_visibility(not fits)
        self._frame.set_visibility(fits)
        if fits:
            label = self._say("Flowchart of {protocol}").format(protocol=graph["protocol"])
            self._frame.props(f'aria-label="{attribute(label)}"')
            self._chart.set_content(drawn)

    def _go(self, box: str) -> None:
        """Goes to the step of a box; Mermaid puts words and dashes before its name."""
        graph = self._graphs.get(self._choice.value or "")
        place = None if graph is None else graph["boxes"].get(box.rpartition("-")[2])
        if place is not None:
            self._jump(place["line"], place["column"])

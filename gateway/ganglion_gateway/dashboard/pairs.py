# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and what they have, one under the other, changed in place."""

from collections.abc import Mapping

from nicegui import ui

from ganglion_gateway.dashboard.parts import Cell, ShownCell, tagged


class Pairs:
    """The list."""

    def __init__(self) -> None:
        self._list = ui.element("dl").classes("g-pair")
        self._shown: dict[str, ShownCell] = {}

    def update(self, pairs: Mapping[str, Cell]) -> None:
        """Shows these; it is made anew where there are others than before."""
        if list(pairs) != list(self._shown):
            self._list.clear()
            self._shown = {}
            with self._list:
                for name, cell in pairs.items():
                    tagged("dt", name)
                    with ui.element("dd") as place:
                        self._shown[name] = ShownCell(cell, place)
        for name, cell in pairs.items():
            self._shown[name].update(cell)

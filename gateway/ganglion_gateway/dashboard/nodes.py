# SPDX-License-Identifier: GPL-3.0-or-later
"""The cards of nodes: who they are, and a tile with value and chart for each sensor. Changed in place, never rebuilt
while the same sensors are there."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from ganglion_gateway.dashboard import chart, text
from ganglion_gateway.dashboard.parts import attribute, button, tagged
from ganglion_gateway.dashboard.words import Say
from ganglion_gateway.fleet import Fleet, Latest, Node

#: Cards of one page; others are found by the filter and the page's number.
PAGE = 12

History = dict[tuple[str, str], list[list[float]]]
#: New points by the id of their chart.
Points = dict[str, list[list[float]]]


class Tile:
    """One sensor."""

    def __init__(self, node: Node, sensor: str, latest: Latest, points: list[list[float]], say: Say) -> None:
        self._say = say
        self._timestamp = latest.timestamp
        self._chart: ui.echart | None = None
        value, unit = text.reading(latest.value, latest.unit, say)
        with ui.element("div").classes("g-tile").props(f'data-sensor="{attribute(sensor)}"'):
            ui.label(sensor).classes("g-tile-name").props(f'title="{attribute(sensor)}"')
            with ui.element("div").classes("g-value"):
                self._value = ui.label(value).props('data-role="value"')
                self._value.tag = "b"
                self._unit = ui.label(unit).classes("g-faint")
            if isinstance(latest.value, int | float):
                label = say("{sensor} of {node}, the last {minutes} minutes").format(
                    sensor=sensor, node=node.name, minutes=chart.WINDOW // 60
                )
                shown = points or [chart.point(latest.timestamp, latest.value)]
                self._chart = ui.echart(chart.options(shown, label=label)).classes("g-chart")
                self._chart.props(f'role="img" aria-label="{attribute(label)}"')

    def update(self, latest: Latest, points: Points) -> None:
        """Shows a newer reading; its point goes to the others of this turn."""
        if latest.timestamp == self._timestamp:
            return
        self._timestamp = latest.timestamp
        value, unit = text.reading(latest.value, latest.unit, self._say)
        self._value.set_text(value)
        self._unit.set_text(unit)
        if self._chart is not None and isinstance(latest.value, int | float):
            points[str(self._chart.id)] = [chart.point(latest.timestamp, latest.value)]


class Card:
    """One node."""

    def __init__(self, node: Node, history: History, now: int, say: Say) -> None:
        self._say = say
        self.sensors = tuple(sorted(node.sensors))
        self._changed = -1
        self._tiles: dict[str, Tile] = {}
        self._card = ui.element("article").classes("g-card g-node").props(f'data-node="{attribute(node.name)}"')
        with self._card:
            with ui.element("header").classes("g-node-head"):
                with ui.element("h3"):
                    ui.link(node.name, f"/nodes/{node.id}").classes("g-link")
                self._presence = ui.element("span").classes("g-chip")
                with self._presence:
                    ui.element("span").classes("g-dot").props('aria-hidden="true"')
                    self._state = ui.label("").props('data-role="presence"')
                self._about = ui.label("").classes("g-faint")
            if not self.sensors:
                ui.label(say("It has not read anything yet.")).classes("g-faint")
            with ui.element("div").classes("g-tiles"):
                for sensor in self.sensors:
                    points = history.get((node.id, sensor), [])
                    self._tiles[sensor] = Tile(node, sensor, node.sensors[sensor], points, say)
        self.update(node, {}, now)

    def update(self, node: Node, points: Points, now: int) -> None:
        """Shows the node as it is now."""
        if node.online and node.changed == self._changed:
            return
        self._changed = node.changed
        say = self._say
        heard = text.ago(now - node.last_seen, say)
        away = say("asleep, heard {ago}") if node.asleep(now) else say("offline, heard {ago}")
        self._state.set_text(say("online") if node.online else away.format(ago=heard))
        add, remove = ("g-on", "g-off") if node.online else ("g-off", "g-on")
        self._presence.classes(add=add, remove=remove)
        self._card.classes(remove="g-away") if node.online else self._card.classes(add="g-away")
        tags = f" · {', '.join(node.tags)}" if node.tags else ""
        self._about.set_text(" · ".join(part for part in (node.board, node.sw) if part) + tags)
        for sensor, tile in self._tiles.items():
            tile.update(node.sensors[sensor], points)


class Nodes:
    """The list of nodes, a page of it at a time.

    Args:
        fleet: What is shown.
        history: Points that charts begin with, by node and sensor.
    """

    def __init__(self, fleet: Fleet, history: History, now: int, say: Say) -> None:
        self._say = say
        self._fleet = fleet
        self._history = history
        self._filter = ""
        self._page = 0
        self._of: tuple[Sequence[Node], str, Sequence[Node]] = ((), "", ())
        self._shown: list[tuple[str, tuple[str, ...]]] = []
        self._cards: dict[str, Card] = {}
        with ui.element("section").classes("g-nodes").props(f'aria-label="{say("Nodes")}"'):
            with ui.element("div").classes("g-bar"):
                tagged("h2", say("Nodes"))
                self._search = ui.input(placeholder=say("Find a node"), on_change=self._search_changed)
                self._search.props(
                    f'dense outlined clearable type="search" aria-label="{say("Find a node")}" debounce="200" data-find'
                )
                self._back = button(say("Earlier"), lambda: self._turn(-1))
                self._where = ui.label("").classes("g-faint")
                self._on = button(say("More"), lambda: self._turn(1))
            self._list = ui.element("div").classes("g-nodes")
        self.update({}, now)

    def update(self, points: Points, now: int) -> None:
        """Shows what has changed; cards are made anew where nodes or sensors came or went."""
        found = self._found()
        pages = max(1, -(-len(found) // PAGE))
        self._page = min(self._page, pages - 1)
        page = found[self._page * PAGE : (self._page + 1) * PAGE]
        shown = [(node.id, tuple(sorted(node.sensors))) for node in page]
        if shown != self._shown or not shown:
            self._rebuild(page, shown, now)
        else:
            for node in page:
                self._cards[node.id].update(node, points, now)
        several = pages > 1
        for element in (self._back, self._where, self._on):
            element.set_visibility(several)
        self._search.set_visibility(len(self._fleet.nodes) > 3 or bool(self._filter))
        if several:
            for turn, is_there in ((self._back, self._page > 0), (self._on, self._page + 1 < pages)):
                turn.props(remove="disabled") if is_there else turn.props("disabled")
            self._where.set_text(self._say("page {page} of {pages}").format(page=self._page + 1, pages=pages))

    def _rebuild(self, page: Sequence[Node], shown: list[tuple[str, tuple[str, ...]]], now: int) -> None:
        first = not self._shown and not self._cards
        if not first and shown == self._shown:
            return
        self._shown = shown
        self._list.clear()
        self._cards = {}
        with self._list:
            for node in page:
                self._cards[node.id] = Card(node, self._history, now, self._say)
            if not page:
                self._say_nothing()

    def _say_nothing(self) -> None:
        with ui.element("div").classes("g-card g-empty").props('data-role="empty"'):
            say = self._say
            if self._filter:
                ui.label(say("No node is called that."))
                return
            ui.label(say("No node has joined yet."))
            ui.html(
                say(
                    "Make a key with <code>ganglion enrol-key create</code>, put it into a node's configuration, and "
                    "start it with <code>ganglion node run NODE.toml</code>."
                )
            )

    def _found(self) -> Sequence[Node]:
        """Those that the filter names, looked for where there is another filter or another order."""
        ordered, wanted = self._fleet.nodes.ordered, self._filter
        if ordered is not self._of[0] or wanted != self._of[1]:
            named = ordered
            if wanted:
                named = tuple(node for node in ordered if wanted in f"{node.name} {node.id}".lower())
            self._of = ordered, wanted, named
        return self._of[2]

    def _search_changed(self, event: Any) -> None:
        self._filter = (event.value or "").strip().lower()
        self._page = 0

    def _turn(self, by: int) -> None:
        self._page = max(0, self._page + by)

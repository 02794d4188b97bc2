# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of all that a node reads: the last minutes as they come, an hour, a day and a week by spans of time."""

import json
from time import monotonic
from typing import Any

from nicegui import ui

from ganglion.client.call import Call
from ganglion.client.operations import fleet
from ganglion.errors import GanglionError
from ganglion.units import MILLISECOND, SECOND
from ganglion_gateway.dashboard import chart, text
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.node import plot
from ganglion_gateway.dashboard.parts import attribute, button, card
from ganglion_gateway.dashboard.segments import Segments
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.fleet import Latest, Node

#: Charts of one page.
PAGE = 12
#: Seconds between looks at what has changed, and between two questions for the same longer time at least.
_TURN, _AGAIN = 0.5, 5.0
#: How the streams of actuators begin.
ACTUATOR = "actuator."


class Charts:
    """The card.

    Args:
        node: Its id.
    """

    def __init__(self, visit: Visit, node: str) -> None:
        self._visit, self._say, self._id, say = visit, visit.say, node, visit.say
        self._range = plot.LIVE
        self._filter = ""
        self._page = 0
        self._plots: dict[str, Plot] = {}
        self._asked = 0.0
        self._busy = False
        ranges = {plot.LIVE: say("5 min live"), "hour": say("1 h"), "day": say("24 h"), "week": say("7 d")}
        with card(say("Sensors")):
            with ui.element("div").classes("g-bar"):
                self._segments = Segments(ranges, plot.LIVE, self._chosen, label=say("Time that is shown"))
                self._find = ui.input(placeholder=say("Find a sensor"), on_change=self._found).classes("g-input g-find")
                self._find.props(f'dense outlined clearable debounce="200" aria-label="{say("Find a sensor")}"')
                ui.element("div").classes("g-space")
                self._back = button(say("Earlier"), lambda: self._turn_to(-1))
                self._where = ui.label("").classes("g-faint")
                self._on = button(say("More"), lambda: self._turn_to(1))
            self._grid = ui.element("div").classes("g-plots")
            self._empty = ui.label(say("It has not read anything yet.")).classes("g-faint").props('data-role="empty"')

    async def begin(self) -> None:
        """Shows what there is, and follows it."""
        await self._turn()
        ui.timer(_TURN, self._turn, immediate=False)

    def _node(self) -> Node | None:
        known = self._visit.services.fleet
        return known.nodes.get(known.now(self._id))

    async def _turn(self) -> None:
        node = self._node()
        if self._busy or node is None:
            return
        self._busy = True
        try:
            if not self._visit.is_welcome:
                raise LoggedOutError
            shown = self._shown(node)
            if list(self._plots) != shown:
                await self._rebuild(node, shown)
            elif self._range != plot.LIVE and monotonic() - self._asked > self._patience:
                await self._ask()
            self._push(node)
        except LoggedOutError:
            self._visit.log_in()
        except GanglionError as error:
            self._visit.complain(error)
        finally:
            self._busy = False

    @property
    def _patience(self) -> float:
        return max(_AGAIN, plot.RANGES[self._range] / plot.SPANS)

    def _shown(self, node: Node) -> list[str]:
        found = [name for name in node.sensors if self._filter in name.lower()]
        found.sort(key=lambda name: (name.startswith(ACTUATOR), name))
        pages = max(1, -(-len(found) // PAGE))
        self._page = min(self._page, pages - 1)
        for element in (self._back, self._where, self._on):
            element.set_visibility(pages > 1)
        self._find.set_visibility(len(node.sensors) > PAGE)
        self._where.set_text(self._say("page {page} of {pages}").format(page=self._page + 1, pages=pages))
        return found[self._page * PAGE : (self._page + 1) * PAGE]

    async def _rebuild(self, node: Node, shown: list[str]) -> None:
        self._grid.clear()
        with self._grid:
            self._plots = {name: Plot(node, name, self._say) for name in shown}
        self._empty.set_visibility(not shown)
        await self._ask()

    async def _ask(self) -> None:
        """Has every chart show its time, until somebody asks for another."""
        self._asked = asked = monotonic()
        now = self._visit.services.clock()
        begin = now - plot.RANGES[self._range] * SECOND
        for name, shown in list(self._plots.items()):
            if not shown.is_drawn:
                continue
            if self._range == plot.LIVE:
                call: Call[Any] = fleet.get_nodes_node_readings(self._id, sensor=name, since=begin, limit=chart.POINTS)
            else:
                call = fleet.get_nodes_node_history(self._id, sensor=name, since=begin, until=now, spans=plot.SPANS)
            answer = await self._visit.ask(call)
            if self._asked != asked:
                return
            if self._range == plot.LIVE:
                shown.live(answer["readings"], now)
            else:
                shown.spans(answer, begin, now)

    def _push(self, node: Node) -> None:
        points: dict[str, list[list[float]]] = {}
        now = self._visit.services.clock()
        for name, shown in self._plots.items():
            if (latest := node.sensors.get(name)) is not None:
                shown.update(latest, points, now, live=self._range == plot.LIVE)
        if points:
            ui.run_javascript(f"window.ganglion.push({json.dumps(points)}, {chart.WINDOW})")

    async def _chosen(self, key: str) -> None:
        self._range = key
        await self._visit.now(self._ask)

    def _found(self, event: Any) -> None:
        self._filter = (event.value or "").strip().lower()
        self._page = 0

    def _turn_to(self, by: int) -> None:
        self._page = max(0, self._page + by)


class Plot:
    """One sensor."""

    def __init__(self, node: Node, sensor: str, say: Any) -> None:
        self._say = say
        latest = node.sensors[sensor]
        self._timestamp = 0
        self._stepped = sensor.startswith(ACTUATOR)
        self._label = say("{sensor} of {node}").format(sensor=sensor, node=node.name)
        self._chart: ui.echart | None = None
        with ui.element("div").classes("g-tile g-plot").props(f'data-sensor="{attribute(sensor)}"'):
            with ui.element("div").classes("g-plot-head"):
                ui.label(sensor).classes("g-tile-name").props(f'title="{attribute(sensor)}"')
                self._age = ui.label("").classes("g-faint")
            with ui.element("div").classes("g-value"):
                self._value = ui.label("").props('data-role="value"')
                self._value.tag = "b"
                self._unit = ui.label("").classes("g-faint")
            if isinstance(latest.value, int | float):
                self._chart = ui.echart(plot.lived([], label=self._label, stepped=self._stepped)).classes(
                    "g-plot-chart"
                )
                self._chart.props(f'role="img" aria-label="{attribute(self._label)}"')

    @property
    def is_drawn(self) -> bool:
        """Whether it has a chart: what it reads is a number."""
        return self._chart is not None

    def live(self, readings: list[list[Any]], now: int) -> None:
        """Shows single readings, pairs of time and value."""
        points = [chart.point(at, value) for at, value in readings if isinstance(value, int | float)]
        if points and self._stepped:
            points.append([now // MILLISECOND, points[-1][1]])  # it stays as it was set
        self._draw(plot.lived(points, label=self._label, stepped=self._stepped))

    def spans(self, answer: dict[str, Any], begin: int, end: int) -> None:
        """Shows what was put together by spans of time."""
        self._draw(plot.spanned(answer, label=self._label, begin=begin, end=end))

    def _draw(self, options: dict[str, Any]) -> None:
        if self._chart is not None:
            self._chart.options.clear()
            self._chart.options.update(options)
            self._chart.update()

    def update(self, latest: Latest, points: dict[str, list[list[float]]], now: int, *, live: bool) -> None:
        """Shows the newest reading."""
        old = now - latest.timestamp > 60 * SECOND
        self._age.set_text(text.ago(now - latest.timestamp, self._say) if old else "")
        if latest.timestamp == self._timestamp:
            return
        first, self._timestamp = not self._timestamp, latest.timestamp
        value, unit = text.reading(latest.value, latest.unit, self._say)
        self._value.set_text(value)
        self._unit.set_text(unit)
        if live and not first and self._chart is not None and isinstance(latest.value, int | float):
            points[str(self._chart.id)] = [chart.point(latest.timestamp, latest.value)]

# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/`: what the fleet does now. One timer a visitor compares and sends what has changed."""

import json
from typing import Any

from nicegui import ui

from ganglion.units import SECOND
from ganglion_gateway.dashboard import chart, text
from ganglion_gateway.dashboard.alerts import Alerts
from ganglion_gateway.dashboard.consents import Consents
from ganglion_gateway.dashboard.nodes import PAGE, History, Nodes, Points
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.store import fleet, webhooks
from ganglion_gateway.traces import trace_of

#: Seconds between looks at what has changed.
_TURN = 0.5
#: And at what costs a question to the database.
_SUMS = 3.0
_DAY = 86400 * SECOND


async def build(visit: Visit) -> None:
    """Fills the page."""
    await _Overview(visit).build()


class _Overview:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._services = visit.services
        self._say = visit.say
        self._sums: dict[str, tuple[ui.element, ui.label, ui.label]] = {}

    async def build(self) -> None:
        visit, services, say, now = self._visit, self._services, self._say, self._services.clock()
        history = await self._history(now)
        with ui.element("div").classes("g-now"):
            with ui.element("section").classes("g-sums").props(f'aria-label="{say("Summary")}"'):
                for name in ("nodes", "alerts", "consents", "webhooks", "model"):
                    self._sums[name] = _sum(name)
            self._nodes = Nodes(services.fleet, history, now, say)
            with ui.element("div").classes("g-asides"):
                self._consents = Consents(visit, self._turn if visit.may("operate") else None)
                self._alerts = Alerts(services.fleet, lambda row: trace_of(services, row), now, say)
        await self._count()
        self._turn()
        ui.timer(_TURN, self._turn)
        ui.timer(_SUMS, self._count)

    async def _history(self, now: int) -> History:
        """What the charts begin with: of the nodes on the first page."""
        services = self._services
        found: History = {}
        for node in services.fleet.nodes.ordered[:PAGE]:
            for sensor, latest in list(node.sensors.items()):
                if isinstance(latest.value, int | float):
                    rows = await fleet.history(
                        services.database, node.ids, sensor, since=now - chart.WINDOW * SECOND, limit=chart.POINTS
                    )
                    found[node.id, sensor] = chart.points(rows)
        return found

    def _turn(self) -> None:
        """Sends what has changed."""
        services, say, now = self._services, self._say, self._services.clock()
        if not self._visit.is_welcome:
            self._visit.log_in()
            return
        points: Points = {}
        self._nodes.update(points, now)
        self._alerts.update(now)
        nodes = len(services.fleet.nodes)
        caption = say.many("node online", "nodes online", nodes)
        self._tell("nodes", f"{services.fleet.online} / {nodes}", caption)
        recent = sum(now - row["received"] < _DAY for row in services.fleet.alerts)
        more = "+" if recent == services.fleet.alerts.maxlen else ""
        self._tell("alerts", f"{recent}{more}", say.many("alert in 24 hours", "alerts in 24 hours", recent))
        waiting = services.consents.waiting
        self._consents.update(waiting, now)
        self._sums["consents"][0].set_visibility(bool(waiting))
        caption = say.many(
            "waits for a person: ganglion consents list", "wait for a person: ganglion consents list", len(waiting)
        )
        self._tell("consents", str(len(waiting)), caption, bad=True)
        if points:
            ui.run_javascript(f"window.ganglion.push({json.dumps(points)}, {chart.WINDOW})")

    async def _count(self) -> None:
        say = self._say
        totals: dict[str, int] = {}
        for states in (await webhooks.counts(self._services.database)).values():
            for state, count in states.items():
                totals[state] = totals.get(state, 0) + count
        dead, pending = totals.get(webhooks.DEAD, 0), totals.get(webhooks.PENDING, 0)
        if dead:
            self._tell("webhooks", text.number(dead), say.many("webhook given up", "webhooks given up", dead), bad=True)
        elif pending:
            self._tell("webhooks", text.number(pending), say.many("webhook waits", "webhooks wait", pending))
        else:
            delivered = totals.get(webhooks.DELIVERED, 0)
            caption = say.many("webhook delivered", "webhooks delivered", delivered)
            self._tell("webhooks", text.number(delivered), caption)
        model = self._services.settings.models.name
        caption = say("model {name}").format(name=model) if model else say("scripts decide without a model")
        self._tell("model", say("on") if model else say("none"), caption)

    def _tell(self, name: str, value: str, caption: str, *, bad: bool = False) -> None:
        box, first, second = self._sums[name]
        first.set_text(value)
        second.set_text(caption)
        box.classes(add="g-bad") if bad else box.classes(remove="g-bad")


def _sum(name: str) -> tuple[ui.element, ui.label, ui.label]:
    box: Any = ui.element("div").classes("g-card g-sum").props(f'data-sum="{name}"')
    with box:
        value = ui.label("")
        value.tag = "b"
        caption = ui.label("")
        caption.tag = "span"
    return box, value, caption

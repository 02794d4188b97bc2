# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/`: what the fleet does now. One timer a visitor compares and sends what has changed."""

import json
import time
from typing import Any

from fastapi import FastAPI, Request
from nicegui import ui

from ganglion.errors import RefusedError
from ganglion.units import SECOND
from ganglion_gateway.access.sessions import Session
from ganglion_gateway.access.tokens import Principal
from ganglion_gateway.dashboard import chart, style, text
from ganglion_gateway.dashboard.alerts import Alerts
from ganglion_gateway.dashboard.consents import Consents
from ganglion_gateway.dashboard.nodes import PAGE, History, Nodes, Points
from ganglion_gateway.services import Services
from ganglion_gateway.store import fleet, webhooks
from ganglion_gateway.traces import trace_of

#: Seconds between looks at what has changed.
_TURN = 0.5
#: And at what costs a question to the database.
_SUMS = 3.0
_DAY = 86400 * SECOND


def mount(app: FastAPI, services: Services) -> None:
    """Adds the dashboard to an application. Once a process: NiceGUI keeps its pages in the module."""

    @ui.page("/", title="Ganglion")
    async def overview(request: Request) -> None:
        await _Overview(services, request.state.principal, request.state.session).build()

    ui.run_with(
        app,
        title="Ganglion",
        favicon=style.ICON,
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )


class _Overview:
    """One visitor's page."""

    def __init__(self, services: Services, principal: Principal, session: Session | None) -> None:
        self._services = services
        self._principal = principal
        self._session = session
        self._sums: dict[str, tuple[ui.element, ui.label, ui.label]] = {}

    async def build(self) -> None:
        services, now = self._services, self._services.clock()
        history = await self._history(now)
        ui.add_css(style.CSS)
        ui.add_head_html(f"<script>{style.SCRIPT}</script>")
        self._head()
        with ui.element("div").classes("g-main"):
            with ui.element("section").classes("g-sums").props('aria-label="Summary"'):
                for name in ("nodes", "alerts", "consents", "webhooks", "model"):
                    self._sums[name] = _sum(name)
            self._nodes = Nodes(services.fleet, history, now)
            with ui.element("div").classes("g-asides"):
                self._consents = Consents(self._decide if self._principal.may("operate") else None)
                self._alerts = Alerts(services.fleet, lambda row: trace_of(services, row), now)
        await self._count()
        self._turn()
        ui.timer(_TURN, self._turn)
        ui.timer(_SUMS, self._count)

    async def _history(self, now: int) -> History:
        """What the charts begin with: of the nodes on the first page."""
        services = self._services
        nodes = sorted(services.fleet.nodes.values(), key=lambda node: (node.name, node.id))[:PAGE]
        found: History = {}
        for node in nodes:
            for sensor, latest in list(node.sensors.items()):
                if isinstance(latest.value, int | float):
                    rows = await fleet.history(
                        services.database, node.ids, sensor, since=now - chart.WINDOW * SECOND, limit=chart.POINTS
                    )
                    found[node.id, sensor] = chart.points(rows)
        return found

    def _head(self) -> None:
        with ui.element("header").classes("g-head"):
            ui.html(style.ICON, sanitize=False).classes("g-mark").props('aria-hidden="true"')
            name = ui.label("Ganglion")
            name.tag = "h1"
            ui.element("div").classes("g-space")
            self._broker = ui.element("span").classes("g-chip").props('role="status"')
            with self._broker:
                ui.element("span").classes("g-dot").props('aria-hidden="true"')
                self._broker_state = ui.label("")
            leave = ui.element("form").props('method="post" action="/logout"')
            with leave, ui.element("button").classes("g-button").props('type="submit"'):
                ui.label("Log out")

    def _turn(self) -> None:
        """Sends what has changed."""
        services, now = self._services, self._services.clock()
        if not self._may_look():
            ui.navigate.to("/login")
            return
        connected = services.mesh.connected
        self._broker_state.set_text("broker connected" if connected else "broker away")
        self._broker.classes(add="g-on" if connected else "g-off", remove="g-off" if connected else "g-on")
        points: Points = {}
        self._nodes.update(points, now)
        self._alerts.update(now)
        self._tell("nodes", f"{services.fleet.online} / {len(services.fleet.nodes)}", "nodes online")
        recent = sum(now - row["received"] < _DAY for row in services.fleet.alerts)
        more = "+" if recent == services.fleet.alerts.maxlen else ""
        self._tell("alerts", f"{recent}{more}", "alerts in 24 hours")
        waiting = services.consents.waiting
        self._consents.update(waiting, now)
        self._sums["consents"][0].set_visibility(bool(waiting))
        self._tell("consents", str(len(waiting)), "wait for a person: ganglion consents list", bad=True)
        if points:
            ui.run_javascript(f"window.ganglion.push({json.dumps(points)}, {chart.WINDOW})")

    async def _decide(self, consent: str, granted: bool) -> None:
        """What who opened the page says to a command, if that is theirs to say still."""
        holder = self._services.keyring.holder(self._principal.key)
        if not self._may_look() or holder is None or not holder.may("operate"):
            raise RefusedError("this token decides nothing any more: log in again")
        await self._services.consents.decide(consent, granted=granted, by=holder.name)
        self._turn()

    def _may_look(self) -> bool:
        """Whether who opened the page would still be let in: the guard sees a socket once."""
        over = self._session is not None and time.time() >= self._session.expires
        return not over and self._services.keyring.holder(self._principal.key) is not None

    async def _count(self) -> None:
        totals: dict[str, int] = {}
        for states in (await webhooks.counts(self._services.database)).values():
            for state, count in states.items():
                totals[state] = totals.get(state, 0) + count
        dead, pending = totals.get(webhooks.DEAD, 0), totals.get(webhooks.PENDING, 0)
        if dead:
            self._tell("webhooks", text.number(dead), "webhooks given up", bad=True)
        elif pending:
            self._tell("webhooks", text.number(pending), "webhooks wait")
        else:
            self._tell("webhooks", text.number(totals.get(webhooks.DELIVERED, 0)), "webhooks delivered")
        model = self._services.settings.models.name
        self._tell("model", "on" if model else "none", f"model {model}" if model else "scripts decide without a model")

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

# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the last alerts; each opens the path it took, from the sensor to the webhook."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import dialog
from ganglion_gateway.dashboard.parts import attribute, tagged
from ganglion_gateway.dashboard.words import Say
from ganglion_gateway.fleet import Fleet

#: Alerts shown.
SHOWN = 12

Trace = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Alerts:
    """The list.

    Args:
        fleet: Has the alerts.
        trace: Gives the trace of one.
    """

    def __init__(self, fleet: Fleet, trace: Trace, now: int, say: Say) -> None:
        self._say = say
        self._fleet = fleet
        self._trace = trace
        self._shown: list[str] = []
        self._ages: list[tuple[ui.label, int]] = []
        with ui.element("section").classes("g-card g-side").props(f'aria-label="{attribute(say("Last alerts"))}"'):
            tagged("h2", say("Last alerts"))
            self._list = ui.element("div").classes("g-alerts").props('role="log" aria-live="polite" tabindex="0"')
        self._fill([], now)
        self.update(now)

    def update(self, now: int) -> None:
        """Shows what came."""
        rows = list(self._fleet.alerts)[-SHOWN:][::-1]
        if [row["id"] for row in rows] != self._shown:
            self._fill(rows, now)
        for label, at in self._ages:
            label.set_text(text.ago(now - at, self._say))

    def _fill(self, rows: list[dict[str, Any]], now: int) -> None:
        self._shown = [row["id"] for row in rows]
        self._list.clear()
        self._ages = []
        with self._list:
            if not rows:
                ui.label(self._say("None yet. A script that publishes to alert/… makes one.")).classes("g-faint")
            for row in rows:
                self._line(row, now)

    def _line(self, row: dict[str, Any], now: int) -> None:
        async def show() -> None:
            await self._show(row)

        with ui.element("button").classes("g-alert").props('type="button"').on("click", show):
            with ui.element("div").classes("g-alert-top"):
                ui.label(f"{row['node_name']} · {row['topic']}")
                age = ui.label(text.ago(now - row["timestamp"], self._say)).props(
                    f'title="{text.iso(row["timestamp"])}"'
                )
                self._ages.append((age, row["timestamp"]))
            ui.label(text.short(row["value"]) or row["topic"]).classes("g-alert-text")

    async def _show(self, row: dict[str, Any]) -> None:
        trace = await self._trace(row)
        heading = self._say("{topic} of {node}").format(topic=row["topic"], node=row["node_name"])
        with dialog(heading, close=self._say("Close")) as showing:
            ui.label(f"{text.short(row['value'])} · {text.iso(row['timestamp'])}").classes("g-faint")
            with ui.element("ol").classes("g-stages"):
                for line in trace["lines"]:
                    _stage(line)
        showing.open()


def _stage(line: dict[str, Any]) -> None:
    status = line["status"]
    with ui.element("li").classes("g-stage" + ("" if status == "done" else f" g-{status}")):
        name = ui.label(line["stage"])
        name.tag = "b"
        since = line["since_ms"]
        ui.label("" if since is None else f"+{since / 1000:.3f} s").classes("g-when")
        detail = ui.label(line["detail"] if status == "done" else f"{status}: {line['detail']}")
        detail.tag = "span"

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did, step by step with times and values, as `ganglion mova trace` tells it."""

import json
from typing import Any

from nicegui import ui

from ganglion.client import documents
from ganglion.units import MILLISECOND
from ganglion_gateway.dashboard.parts import Cell, Row, Table, tagged
from ganglion_gateway.dashboard.words import Say

_STATES = {"completed": "good", "failed": "bad", "cancelled": "warn", "skipped": "", "running": "warn"}
_LONG = 300


def span(milliseconds: float) -> str:
    """A time since the beginning, in virtual time mostly of whole seconds."""
    if 0 < milliseconds < 1000:
        return f"{milliseconds:g} ms"
    minutes, seconds = divmod(milliseconds / 1000, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "min"), (round(seconds, 3), "s"))
    return " ".join(f"{count:g} {unit}" for count, unit in parts if count) or "0 s"


def value(given: Any) -> str:
    """A value as people read it."""
    if given is None or given == {}:
        return ""
    shown = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    return shown if len(shown) <= _LONG else shown[:_LONG] + "…"


def episode(say: Say, told: dict[str, Any], began: int) -> None:
    """Shows a run.

    Args:
        began: When virtual time began, in nanoseconds since the Unix epoch.
    """
    by = f" ← {told['trigger']}" if told.get("trigger") else ""
    event = " ".join(filter(None, (str(told["event"].get("topic") or ""), value(told["event"].get("value")))))
    with ui.element("div").classes("g-ed-episode"):
        with ui.element("p").classes("g-ed-episode-head"):
            ui.element("span").classes(f"g-dot g-{_STATES.get(told['status'], '')}").props('aria-hidden="true"')
            tagged("b", f"{told['protocol']}{by}: {told['status']}")
            ui.label(f"{span((told['started'] - began) / MILLISECOND)} · {event}").classes("g-faint")
        if told.get("error"):
            ui.label(told["error"]).classes("g-ed-failure")
        columns = (say("At"), say("Took"), say("Step"), say("Action"), say("Value"))
        Table(columns, empty=say("No step was run."), label=say("Steps")).update(
            [
                Row(
                    str(i),
                    (
                        Cell(span((step["started"] - began) / MILLISECOND)),
                        Cell(span((step["ended"] - step["started"]) / MILLISECOND)),
                        Cell(step["id"], _STATES.get(step["status"], ""), hint=step["status"]),
                        Cell(step["action"]),
                        Cell(_detail(step)),
                    ),
                )
                for i, step in enumerate(told["steps"])
            ]
        )


def _detail(step: dict[str, Any]) -> str:
    tries = f"×{step['attempts']}" if step["attempts"] > 1 else ""
    told = [f"{key} {shown}" for key, given in step["detail"].items() if (shown := value(given))]
    if list(step["detail"]) == ["result"]:
        told = [value(step["detail"]["result"])]
    return ", ".join(filter(None, (tries, *told)))


def happened(say: Say, told: list[documents.ScriptHappening]) -> None:
    """Shows what was done to the world."""
    kinds = {
        "actuated": say("actuated"),
        "published": say("published"),
        "emitted": say("emitted"),
        "ran": say("ran"),
    }
    columns = (say("At"), say("What"), say("Name"), say("Value"))
    Table(columns, empty=say("Nothing was done."), label=say("What happened")).update(
        [
            Row(
                str(i),
                (
                    Cell(span(each["at_ms"])),
                    Cell(kinds.get(each["kind"], each["kind"])),
                    Cell(each["name"]),
                    Cell(value(each["value"])),
                ),
            )
            for i, each in enumerate(told)
        ]
    )

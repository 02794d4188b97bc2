# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a script, as a list: each entry leads to its place."""

from collections.abc import Callable

from nicegui import ui

from ganglion.client import documents
from ganglion_gateway.dashboard.parts import attribute
from ganglion_gateway.dashboard.words import Say

#: Entries that are shown; who has mended these sees the next.
_MOST = 100
_STATES = {"error": "bad", "warning": "warn", "hint": "ed-hint"}


class Findings:
    """The list.

    Args:
        jump: Goes to a line and column.
    """

    def __init__(self, say: Say, jump: Callable[[int, int], None]) -> None:
        self._say = say
        self._jump = jump
        self._shown: list[documents.ScriptFinding] | None = None
        self._list = ui.element("div").classes("g-ed-findings").props(f'role="list" aria-label="{say("Findings")}"')
        self._none = ui.label(say("Nothing is wrong.")).classes("g-faint").props('role="status"')
        self._more = ui.label("").classes("g-faint")
        self._none.set_visibility(False)

    def update(self, findings: list[documents.ScriptFinding]) -> None:
        """Shows these."""
        if findings == self._shown:
            return
        self._shown = findings
        self._none.set_visibility(not findings)
        self._list.set_visibility(bool(findings))
        rest = len(findings) - _MOST
        self._more.set_text(self._say("and {count} more").format(count=rest) if rest > 0 else "")
        self._list.clear()
        with self._list:
            for each in findings[:_MOST]:
                self._entry(each)

    def _entry(self, found: documents.ScriptFinding) -> None:
        severity = {
            "error": self._say("error"),
            "warning": self._say("warning"),
            "hint": self._say("hint"),
        }[found["severity"]]
        place = self._say("line {line}, column {column}").format(line=found["line"], column=found["column"])
        with ui.element("div").props('role="listitem"'), ui.element("button").classes("g-ed-finding") as entry:
            entry.props(f'type="button" data-code="{found["code"]}" title="{attribute(found["about"])}"')
            entry.on("click", lambda: self._jump(found["line"], found["column"]))
            ui.element("span").classes(f"g-dot g-{_STATES[found['severity']]}").props('aria-hidden="true"')
            with ui.element("span").classes("g-ed-finding-text"):
                ui.label(found["message"]).classes("g-ed-finding-message")
                if found["hint"]:
                    ui.label(found["hint"]).classes("g-ed-finding-hint")
                ui.label(f"{severity} {found['code']} · {place} · {found['about']}").classes("g-faint")


def summary(say: Say, findings: list[documents.ScriptFinding]) -> tuple[str, str]:
    """How a script stands, and the colour of that."""
    errors = sum(each["severity"] == "error" for each in findings)
    others = len(findings) - errors
    if errors:
        return say("errors: {count}").format(count=errors), "bad"
    if others:
        return say("valid, remarks: {count}").format(count=others), "warn"
    return say("valid"), "good"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The page put together: whose console it is, who writes there, and the terminal."""

import json
from pathlib import Path
from urllib.parse import quote

from nicegui import background_tasks, ui

from ganglion.client.operations import fleet
from ganglion_gateway.dashboard import style
from ganglion_gateway.dashboard.console.terminal import Terminal
from ganglion_gateway.dashboard.dialogs import confirmed
from ganglion_gateway.dashboard.parts import attribute, button
from ganglion_gateway.dashboard.visit import Visit

#: Where the console of a node is; `?leaf=NAME` for that of a leaf of it.
PATH = "/nodes/{node}/console"
_SCRIPT = (Path(style.__file__).parent / "static" / "console.js").read_text(encoding="utf-8")
#: Dark on every page: what programs colour is made for that.
_OPTIONS = {
    "cursorBlink": True,
    "convertEol": False,
    "fontFamily": 'ui-monospace, "DejaVu Sans Mono", Menlo, monospace',
    "fontSize": 13,
    "lineHeight": 1.2,
    "scrollback": 5000,
    "screenReaderMode": True,
    "theme": {
        "background": "#10171d",
        "foreground": "#e7edf2",
        "cursor": "#2dd4bf",
        "selectionBackground": "#2b4b52",
        "brightBlack": "#8496a3",
        "green": "#4ade80",
        "yellow": "#f5b454",
        "red": "#ff8f85",
        "cyan": "#2dd4bf",
    },
}


async def build(visit: Visit) -> None:
    """Fills the page."""
    node = await visit.ask(fleet.get_nodes_node(visit.path["node"]))
    visit.entitle(visit.say("Console of {node}").format(node=node["name"]))
    leaves = [each["name"] for each in node["leaves"]]
    leaf = visit.query.get("leaf", "")
    _Console(visit, node["id"], node["name"], leaves, leaf).build()


class _Console:
    def __init__(self, visit: Visit, id: str, name: str, leaves: list[str], leaf: str) -> None:
        self._visit = visit
        self._say = visit.say
        self._id = id
        self._name = name
        self._leaves = leaves
        self._leaf = leaf
        self._terminal: Terminal | None = None

    def build(self) -> None:
        say = self._say
        here = f"/nodes/{quote(self._visit.path['node'], safe='')}"
        with ui.element("div").classes("g-bar g-console-bar"):
            with ui.element("a").classes("g-link").props(f'href="{here}"'):
                ui.label(self._name)
            if self._leaves:
                label = say("Whose console")
                options = {"": say("the node itself")} | {name: f"{self._name}/{name}" for name in self._leaves}
                other = ui.select(options, value=self._leaf if self._leaf in options else "").classes("g-field")
                other.props(f'dense outlined aria-label="{attribute(label)}"')
                other.on_value_change(
                    lambda event: ui.navigate.to(
                        f"{here}/console" + (f"?leaf={quote(event.value)}" if event.value else "")
                    )
                )
            with ui.element("span").classes("g-chip").props('role="status"') as self._chip:
                ui.element("span").classes("g-dot").props('aria-hidden="true"')
                self._state = ui.label(say("opening"))
            self._take = button(say("Take over"), self._ask_to_take)
            self._again = button(say("Open again"), lambda: ui.navigate.reload(), main=True)
            ui.element("div").classes("g-space")
            said = say(
                "Ctrl-] leaves the terminal; a session in which nothing is entered ends, after 15 minutes by default."
            )
            ui.label(said).classes("g-faint g-console-said")
        self._take.set_visibility(False)
        self._again.set_visibility(False)
        label = attribute(say("Console of {node}").format(node=self._target_name))
        with ui.element("section").classes("g-card g-console").props(f'aria-label="{label}"'):
            self._screen = ui.xterm(
                _OPTIONS,
                on_data=lambda event: None if self._terminal is None else self._terminal.pressed(event),
                on_resize=lambda event: None if self._terminal is None else self._terminal.resized(event),
            ).classes("g-terminal")
        ui.label(say("What is entered is kept on the node, with who entered it, and noted in the audit.")).classes(
            "g-faint"
        )
        ui.add_head_html(f"<script>{_SCRIPT}</script>")
        ui.timer(0.0, self._begin, once=True)
        ui.context.client.on_disconnect(self._drop)
        ui.context.client.on_delete(self._end)

    @property
    def _target_name(self) -> str:
        return f"{self._name}/{self._leaf}" if self._leaf else self._name

    async def _begin(self) -> None:
        label = json.dumps(self._say("Terminal"))
        columns, rows = await ui.run_javascript(
            f"return window.ganglion.console.begin({self._screen.id}, {label})", timeout=30
        )
        target = f"{self._id}/{self._leaf}" if self._leaf else self._id
        self._terminal = Terminal(
            self._visit, target, self._target_name, self._screen, self._changed, columns=columns, rows=rows
        )
        self._terminal.begin()

    def _drop(self) -> None:
        if self._terminal is not None:
            self._terminal.drop()

    def _end(self) -> None:
        if self._terminal is not None:
            background_tasks.create(self._terminal.end())

    def _changed(self) -> None:
        terminal, say = self._terminal, self._say
        if terminal is None:
            return
        session = terminal.link.session
        if terminal.is_over:
            said, state = say("the session is over"), "bad"
        elif terminal.is_away:
            said, state = say("the node does not answer"), "bad"
        elif session.writes:
            said, state = say("you write"), "good"
        elif session.writer:
            said, state = say("{who} writes").format(who=session.writer), "warn"
        else:
            said, state = say("nobody writes: enter a line to do so"), "warn"
        self._state.set_text(said)
        self._chip.classes(remove="g-is-good g-is-warn g-is-bad", add=f"g-is-{state}")
        self._take.set_visibility(bool(session.writer) and not session.writes and not terminal.is_over)
        self._again.set_visibility(terminal.is_over)

    async def _ask_to_take(self) -> None:
        terminal, say = self._terminal, self._say
        if terminal is None:
            return
        who = terminal.link.session.writer or ""
        question = say("{who} writes here, and may only read when you take over.").format(who=who)
        if await confirmed(say, question, say("Take over")):
            await terminal.take()
            ui.run_javascript("window.ganglion.console.focus()")

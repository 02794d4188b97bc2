# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of nodes: what is kept of warnings and errors, then everything as it comes, until somebody pauses it."""

import asyncio
from collections import deque
from typing import Any

from nicegui import ui

from ganglion.client.operations import fleet, logs
from ganglion.errors import GanglionError, NotFoundError, RefusedError
from ganglion_gateway.dashboard import text as texts
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.logs.lines import Lines
from ganglion_gateway.dashboard.parts import button
from ganglion_gateway.dashboard.segments import Segments
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.following import MOST

#: Records of one question for what is kept, and those that wait while it is paused.
_KEPT, _WAIT = 100, 2000
#: Seconds between two looks at what has come: one message to the browser for all of it.
_TURN = 0.4


class LogView:
    """The view with what chooses.

    Args:
        node: The id of the node whose log it is; "" for those that a selector means.
        where: The selector at first.
        text: What lines have in them at first.
    """

    def __init__(self, visit: Visit, *, node: str = "", where: str = "", text: str = "") -> None:
        self._visit, say = visit, visit.say
        self._say, self._node, self._where, self._text = say, node, where, text
        self._task: asyncio.Task[None] | None = None
        self._begun = 0  # times: what an earlier one was told is of no use any more
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_WAIT)
        self._paused = False
        self._cursor: str | None = None
        levels = {"debug": say("all"), "info": say("info"), "warning": say("warnings"), "error": say("errors")}
        with ui.element("div").classes("g-bar"):
            self._level = Segments(levels, "info", self._chosen, label=say("The least level"))
            if not node:
                self._field(say("Selector: tag=fridge"), say("Selector"), where, self._selected)
            self._field(say("Find in what is said"), say("Find in what is said"), text, self._searched)
            with ui.element("div").classes("g-bar g-at-end"):
                self._state = ui.label("").classes("g-faint").props('role="status"')
                self._pause = button("", self._turn_over).props('data-role="pause"')
                with self._pause:
                    self._caption = ui.label("")
                button(say("Clear"), self._clear)
        self._wrong = ui.label("").classes("g-wrong").props('role="alert" data-role="wrong"')
        self._wrong.set_visibility(False)
        self._earlier = button(say("Earlier ones"), self._go_back).classes("g-earlier")
        self._lines = Lines(say, named=not node)
        self._tell()
        ui.timer(_TURN, self._flush)

    def _field(self, placeholder: str, label: str, value: str, changed: Any) -> None:
        made = ui.input(placeholder=placeholder, value=value, on_change=changed).classes("g-input g-find")
        made.props(f'dense outlined clearable debounce="400" spellcheck="false" aria-label="{label}"')
        if label != placeholder or self._node:
            made.props("data-find")

    async def begin(self) -> None:
        """Shows what is kept, and follows from then on; one that is under way gives way to the next."""
        self._begun += 1
        this = self._begun
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._waiting.clear()
        self._lines.clear()
        self._cursor = None
        self._wrong.set_visibility(False)
        try:
            await self._ask_kept()
            if not self._node:
                counts = await self._visit.ask(fleet.get_fleet_health(where=self._where or "all"))
                if this != self._begun:
                    return
                if counts["nodes"] > MOST:
                    said = self._say("Of {nodes} nodes the first {most} are followed: choose fewer by a selector.")
                    self._complain(said.format(nodes=counts["nodes"], most=MOST))
        except (RefusedError, NotFoundError) as error:
            if this == self._begun:
                self._complain(str(error))
            return
        except LoggedOutError:
            self._visit.log_in()
            return
        except GanglionError as error:
            self._visit.complain(error)
        if this != self._begun:
            return
        call = logs.get_logs_watch(
            where=None if self._node else self._where or None, node=self._node or None, level=self._level.value
        )
        self._task = self._visit.follow(call, self._waiting.append)

    def _complain(self, what: str) -> None:
        self._wrong.set_text(what)
        self._wrong.set_visibility(True)

    async def _ask_kept(self) -> None:
        level = "error" if self._level.value == "error" else "warning"
        this = self._begun
        page = await self._visit.ask(
            logs.get_logs(
                where=None if self._node else self._where or None,
                node=self._node or None,
                level=level,
                text=self._text or None,
                limit=_KEPT,
                cursor=self._cursor,
            )
        )
        if this != self._begun:
            return
        self._lines.add(page["records"], keep=self._cursor is not None)
        self._cursor = page["next"]
        self._earlier.set_visibility(self._cursor is not None)

    def _flush(self) -> None:
        """Shows what has come, where nobody has paused it."""
        if not self._paused:
            found = [record for record in self._waiting if self._passes(record)]
            self._waiting.clear()
            self._lines.add(found)
        self._tell()

    def _passes(self, record: dict[str, Any]) -> bool:
        wanted = self._text.lower()
        return "dropped" in record or wanted in record["text"].lower() or wanted in record["logger"].lower()

    def _tell(self) -> None:
        say = self._say
        self._caption.set_text(say("Go on") if self._paused else say("Pause"))
        if self._paused:
            self._state.set_text(say("paused, {count} new").format(count=texts.number(len(self._waiting))))
        else:
            follows = self._task is not None and not self._task.done()
            self._state.set_text(say("live") if follows else say("not followed"))

    def _turn_over(self) -> None:
        self._paused = not self._paused
        self._flush()

    def _clear(self) -> None:
        self._lines.clear()

    async def _go_back(self) -> None:
        await self._visit.now(self._ask_kept)

    async def _chosen(self, _: str) -> None:
        await self.begin()

    async def _selected(self, event: Any) -> None:
        self._where = (event.value or "").strip()
        await self.begin()

    async def _searched(self, event: Any) -> None:
        self._text = (event.value or "").strip()
        await self.begin()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a log, the newest at the bottom; none is shown twice, and the oldest go."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from nicegui import ui

from ganglion.units import SECOND
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.words import Say

#: Lines that are shown.
MOST = 400

Record = Mapping[str, Any]
_Key = tuple[str, str, int, str]


class Lines:
    """The lines.

    Args:
        named: Say of each which node it is of.
    """

    def __init__(self, say: Say, *, named: bool) -> None:
        self._say = say
        self._named = named
        self._shown: dict[_Key, ui.element] = {}
        self._order: list[tuple[int, _Key]] = []
        with ui.element("div").classes("g-log").props('role="log" aria-live="off" tabindex="0"'):
            self._list = ui.element("div").classes("g-log-lines")
        self._empty = ui.label(say("Nothing was said yet.")).classes("g-faint").props('data-role="empty"')

    def clear(self) -> None:
        """Shows none."""
        self._list.clear()
        self._shown = {}
        self._order = []
        self._empty.set_visibility(True)

    def add(self, records: Iterable[Record], *, keep: bool = False) -> None:
        """Shows these, each at its time.

        Args:
            keep: The oldest need not go: somebody wants to see them.
        """
        for record in records:
            self._line(record)
        while len(self._shown) > MOST and not keep:
            self._shown.pop(self._order.pop(0)[1]).delete()

    def _line(self, record: Record) -> None:
        if "dropped" in record:
            said = self._say.many(
                "{count} line came too fast and is not shown",
                "{count} lines came too fast and are not shown",
                record["dropped"],
            ).format(count=record["dropped"])
            record = {"node": "", "name": "", "leaf": "", "at": 0, "level": "warning", "logger": "", "text": said}
        key = (record["node"], record["leaf"], record["at"], record["text"])
        if key in self._shown:
            return
        level = record["level"]
        with self._list, ui.element("div").classes(f"g-log-line g-log-{level}") as line:
            at = record["at"]
            ui.label(_clock(at) if at else "").classes("g-log-at").props(f'title="{text.iso(at)}"')
            ui.label(level).classes("g-log-level")
            if self._named and record["node"]:
                name = f"{record['name']}/{record['leaf']}" if record["leaf"] else record["name"]
                ui.link(name, f"/nodes/{record['node']}").classes("g-link g-log-node")
            lost = record.get("lost")
            more = self._say.many(
                " (and {count} more that is not kept)", " (and {count} more that are not kept)", lost or 0
            )
            words = ui.label(record["text"] + (more.format(count=lost) if lost else "")).classes("g-log-text")
            words.props["title"] = record["logger"]
        newest = self._order[-1][0] if self._order else 0
        place = bisect_right(self._order, at or newest, key=lambda each: each[0])
        if place < len(self._order):
            line.move(target_index=place)
        self._order.insert(place, (at or newest, key))
        self._shown[key] = line
        self._empty.set_visibility(False)


def _clock(at: int) -> str:
    """A time of day, in UTC, with the day where it is not today."""
    then = datetime.fromtimestamp(min(at // SECOND, 253_402_300_799), UTC)
    today = datetime.now(UTC).date() == then.date()
    return f"{then:%H:%M:%S}" if today else f"{then:%m-%d %H:%M:%S}"

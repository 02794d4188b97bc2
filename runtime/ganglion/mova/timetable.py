# SPDX-License-Identifier: GPL-3.0-or-later
"""Fires the triggers of schedules: the agenda says when, a timer looks, a file keeps what must survive."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.event import Event
from ganglion.mova import last_runs
from ganglion.mova.agenda import LATE, Agenda
from ganglion.mova.schedule import parse
from ganglion.units import SECOND

_log = logging.getLogger(__name__)


class Timetable:
    """All schedules of a node.

    Args:
        now: What the time is, in nanoseconds since the Unix epoch; it may jump.
        kept: Where the last runs are kept; None for nowhere: then nothing is missed while the node is down.
        look: Nanoseconds after which it looks at the clock again at the latest; None for a clock that nobody sets.
    """

    def __init__(self, now: Callable[[], int], kept: Path | None = None, *, look: int | None = LATE) -> None:
        self._now = now
        self._at_the_latest = look
        self._path = kept
        self._agenda = Agenda(last_runs.load(kept) if kept is not None else {})
        self._fire: dict[str, Callable[[Event], None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Future[None] | None = None

    def bind(self, key: str, schedule: list[Any], fire: Callable[[Event], None]) -> "Entry":
        """Has a trigger fire by a schedule of a plan, until what is returned is closed. The loop must be running."""
        cron, at, every, timezone, once = schedule
        parsed = parse(cron=cron, at=at, every=every, timezone=timezone)
        self._agenda.add(key, parsed, self._now(), missed="run_once" if once else "skip")
        self._fire[key] = fire
        self._plan(0)
        return Entry(self, key)

    def remove(self, key: str) -> None:
        """Forgets a trigger."""
        self._agenda.remove(key)
        self._fire.pop(key, None)

    def close(self) -> None:
        """Looks no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self, seconds: float) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._now()
        due = self._agenda.due(now)
        following = self._agenda.next(now, look=self._at_the_latest)
        if following is not None:
            self._plan(max(0, following - self._now()) / SECOND)
        for key in due:
            try:
                self._fire[key](Event("schedule", None, now, "schedule"))
            except Exception:  # of one script; the others have their schedules all the same
                _log.exception("the schedule %s could not be fired", key)
        self._save()

    def _save(self) -> None:
        """Writes on a thread what has changed; what changes meanwhile is written within a minute."""
        if self._path is None or self._saving is not None or (runs := self._agenda.unsaved()) is None:
            return
        self._saving = asyncio.get_running_loop().run_in_executor(None, last_runs.save, self._path, runs)
        self._saving.add_done_callback(self._saved)

    def _saved(self, saving: "asyncio.Future[None]") -> None:
        self._saving = None
        if not saving.cancelled() and (error := saving.exception()) is not None:
            _log.warning("%s: %s; what is missed while the node is down will not be known", self._path, error)


class Entry:
    """One trigger in a timetable."""

    def __init__(self, timetable: Timetable, key: str) -> None:
        self._timetable = timetable
        self._key = key

    def close(self) -> None:
        """Takes it out."""
        self._timetable.remove(self._key)

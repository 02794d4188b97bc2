# SPDX-License-Identifier: GPL-3.0-or-later
"""Which schedules are due, when to look again, and what becomes of times that were missed.

    agenda = Agenda(last_runs.load(path))
    agenda.add("fridge/daily", schedule, now, missed="run_once")
    for key in agenda.due(now): ...          # run what it triggers
    if (runs := agenda.unsaved()) is not None: ...   # last_runs.save(path, runs), in a thread
    agenda.next(now)                          # call `due` again then, and not later

- What is noticed less than a minute late (a busy loop, a slow start) just runs. Times that passed together run once.
- What is later was missed, because the process was down or the clock went forward: `skip` forgets it, `run_once` runs
  it once, however often it was due.
- Where the clock went back, no time runs twice until the clock is where it was; unless that is more than three hours:
  then it had been wrong, and what it said is forgotten (the rule of Debian's cron). `every` starts anew at once. What
  an earlier process has done is never forgotten: after a start it is the new clock that is more likely wrong.
- A board without a clock of its own starts in 1970 until it is told the time: meanwhile `every` runs, and nothing else.
- A trigger that is new here, or whose schedule has changed, has missed nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ganglion.mova.schedule import Every, Schedule
from ganglion.units import SECOND

#: Nanoseconds. What is due may be this late and still run; nobody looks less often, so that a set clock is noticed.
LATE = 60 * SECOND
#: Nanoseconds that a clock may go back and still be believed.
BACK = 3 * 3600 * SECOND
#: Nanoseconds since the Unix epoch: 2025-01-01T00:00Z. A clock that shows less has not been set.
PLAUSIBLE = 1_735_689_600 * SECOND
#: Triggers that are remembered, those of scripts that are not loaded now among them.
MAX_REMEMBERED = 1024


class LastRun(NamedTuple):
    """What is kept of a trigger: its schedule as text, and until when it is done (nanoseconds since the Unix epoch)."""

    schedule: str
    until: int


@dataclass(slots=True)
class _Entry:
    """One trigger.

    Attributes:
        earlier: Until when it was done before this process; 0 where nothing is known.
        until: Until when it is done; 0 where that is not known before the clock is set.
        due: The first time after `until`.
    """

    schedule: Schedule
    run_once: bool
    earlier: int
    until: int
    due: int | None

    @property
    def kept(self) -> bool:
        """Whether it matters after a restart. A period that is skipped would wear out the flash for nothing."""
        return self.run_once or not isinstance(self.schedule, Every)

    def done(self, until: int) -> None:
        """Nothing up to then is due any more."""
        self.until, self.due = until, self.schedule.next(until)


class Agenda:
    """All schedules of a node.

    Args:
        kept: What `unsaved` gave before the process was down.
    """

    def __init__(self, kept: Mapping[str, LastRun]) -> None:
        self._earlier = {key: last for key, last in kept.items() if last.until >= PLAUSIBLE}
        self._kept = dict(self._earlier)
        self._entries: dict[str, _Entry] = {}
        self._unsaved = False

    def add(self, key: str, schedule: Schedule, now: int, *, missed: str = "skip") -> None:
        """Takes a trigger in, in place of the one of its key.

        Args:
            key: Of script and trigger; the same after a restart.
            missed: `skip` or `run_once`.
        """
        until = _until(self._kept, key, schedule)
        earlier = _until(self._earlier, key, schedule)
        self._entries[key] = entry = _Entry(schedule, missed == "run_once", earlier, until, None)
        if until:
            entry.done(until)
        elif now >= PLAUSIBLE or isinstance(schedule, Every):
            self._begin(key, entry, now)

    def remove(self, key: str) -> None:
        """Forgets a trigger; what is kept of it is there when it comes back. Nothing happens where there is none."""
        self._entries.pop(key, None)

    def due(self, now: int) -> list[str]:
        """The keys of the triggers that are to run now, in the order in which they were due."""
        found = []
        for key, entry in self._entries.items():
            if isinstance(entry.schedule, Every):
                if now < entry.until:
                    entry.done(now)
                elif entry.until < PLAUSIBLE <= now:
                    entry.done(_until(self._kept, key, entry.schedule) or now)
            elif now < PLAUSIBLE:
                continue
            elif not entry.until:
                self._begin(key, entry, now)
            elif entry.until - now > BACK and entry.until > entry.earlier:
                entry.done(max(entry.earlier, now))
                self._keep(key, entry)
            due = entry.due
            if due is None or now < due:
                continue
            recent = entry.schedule.next(max(entry.until, now - LATE))
            on_time = recent is not None and recent <= now
            entry.done(now)
            if on_time or entry.run_once:
                found.append((due, key))
                self._keep(key, entry)
        return [key for _, key in sorted(found, key=lambda each: each[0])]

    def next(self, now: int, *, look: int | None = LATE) -> int | None:
        """When to call `due` again, in nanoseconds since the Unix epoch; None where there is no reason to.

        Args:
            look: After how many nanoseconds to look at the latest, for the clock may have been set; None where nobody
                sets it.
        """
        if not self._entries:
            return None
        times = [entry.due for entry in self._entries.values() if entry.due is not None]
        return min(times if look is None else [now + look, *times], default=None)

    def unsaved(self) -> dict[str, LastRun] | None:
        """What must survive the process, where that has changed since this was called last; else None."""
        if not self._unsaved:
            return None
        self._unsaved = False
        return dict(self._kept)

    def _begin(self, key: str, entry: _Entry, now: int) -> None:
        """Has a trigger of which nothing is known be done until now."""
        entry.done(now)
        if entry.run_once:
            self._keep(key, entry)  # else nobody would know what is missed before its first run

    def _keep(self, key: str, entry: _Entry) -> None:
        if entry.kept and entry.until >= PLAUSIBLE:
            self._kept.pop(key, None)  # so that the oldest come first
            self._kept[key] = LastRun(str(entry.schedule), max(entry.earlier, entry.until))
            if len(self._kept) > MAX_REMEMBERED:
                del self._kept[next(iter(self._kept))]
            self._unsaved = True


def _until(runs: Mapping[str, LastRun], key: str, schedule: Schedule) -> int:
    """Until when a trigger with this schedule is done; 0 where that is not known."""
    last = runs.get(key)
    return last.until if last is not None and last.schedule == str(schedule) else 0

# SPDX-License-Identifier: GPL-3.0-or-later
"""Triggers by `cron` and `at` on a device, whose clock is its parent's: in UTC, and what is missed is forgotten.

It is due when `ganglion.mova.agenda` would have it: noticed less than a minute late it runs, times that passed together
run once, and where the clock goes back no time runs twice, unless that is more than three hours.
"""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

_SECOND = 1000000000
_DAY = 86400
#: Seconds that a time may be late and still run, and that a clock may go back and still be believed.
_LATE = 60
_BACK = 3 * 3600
#: 2025-01-01: a clock that shows less has not been set.
_PLAUSIBLE = 1735689600
#: First and last of minute, hour, day of the month, month, day of the week; the names of the last two.
_MONTHS, _WEEKDAYS = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", "SUNMONTUEWEDTHUFRISAT"
_FIELDS = ((0, 59, ""), (0, 23, ""), (1, 31, ""), (1, 12, _MONTHS), (0, 7, _WEEKDAYS))
#: Days that are looked at for the next time: 29 February comes after eight years at most.
_AHEAD = 366 * 8 + 2


class Calendar:
    """One schedule of a plan.

    Args:
        schedule: `[cron, at, every, time zone, run once]`.

    Raises:
        ValueError: it asks for more than a device has; the message begins a sentence.
    """

    def __init__(self, schedule: "list[Any]") -> None:
        cron, at, every, zone, once = schedule
        if once or every:
            raise ValueError("is to be made up for, and a leaf does not remember what it missed: leave `missed` out")
        if zone not in ("", "UTC"):
            raise ValueError("is in {}, and a leaf knows no time zones: write it in UTC".format(zone))
        self._once = None  # type: int | None
        second = 0
        if not cron and len(at) > 8:
            self._once = _moment(at)
            self._until = self._due = 0
            return
        try:
            if cron:
                fields = cron.upper().split()
            else:
                hour, minute, second = [int(part) for part in (at + ":00").split(":")[:3]]
                fields = [str(minute), str(hour), "*", "*", "*"]
            self._sets = [_set(fields[i], _FIELDS[i]) for i in range(5)]
        except (ValueError, IndexError):
            raise ValueError(
                "is {}, which a leaf cannot read: write numbers, as in 0 7 * * 1-5".format(cron or at)
            ) from None
        # As Debian's cron: a star in one of the two days has both hold, else one of them is enough
        self._both = "*" in (fields[2][0], fields[4][0])
        self._second = second
        self._until = self._due = 0

    def next(self, after: int) -> int:
        """The first time later than `after`, both in seconds since the Unix epoch; 0 where there is none."""
        if self._once is not None:
            return self._once if self._once > after else 0
        minutes, hours, days, months, weekdays = self._sets
        day = after // _DAY
        end = day + _AHEAD
        while day < end:
            year, month, date = _date(day)
            if month not in months:  # at once: the watchdog does not wait for a board that looks at eight years
                day = _days(year + month // 12, month % 12 + 1, 1)
                continue
            weekday = (day + 4) % 7
            found = weekday in weekdays or (not weekday and 7 in weekdays)
            if found and date in days if self._both else found or date in days:
                for hour in hours:
                    for minute in minutes:
                        at = day * _DAY + hour * 3600 + minute * 60 + self._second
                        if at > after:
                            return at
            day += 1
        return 0

    def due(self, ns: int) -> bool:
        """Whether it is to run now, in nanoseconds since the Unix epoch; it waits for a clock that was set."""
        now = ns // _SECOND
        if now < _PLAUSIBLE:
            return False
        if not self._until or self._until - now > _BACK:
            self._begin(now)
        if not self._due or now < self._due:
            return False
        recent = self.next(max(self._until, now - _LATE))
        self._begin(now)
        return bool(recent) and recent <= now

    def _begin(self, now: int) -> None:
        self._until, self._due = now, self.next(now)


def _set(field: str, bounds: "tuple[int, int, str]") -> "list[int]":
    low, high, _ = bounds
    found = set()  # type: set[int]
    for term in field.split(","):
        term, _, step = term.partition("/")
        if term == "*":
            first, last = low, high
        else:
            start, _, end = term.partition("-")
            first = _number(start, bounds)
            last = _number(end, bounds) if end else high if step else first
            if last < first:
                raise ValueError(field)
        found.update(range(first, last + 1, int(step or "1")))
    return sorted(found)


def _number(text: str, bounds: "tuple[int, int, str]") -> int:
    low, high, names = bounds
    at = names.find(text) if len(text) == 3 else -1
    number = int(text) if at < 0 else at // 3 + (low and 1)
    if not low <= number <= high:
        raise ValueError(text)
    return number


def _moment(text: str) -> int:
    """Seconds since the Unix epoch of `2026-05-01T07:30`, with seconds and an offset or without."""
    try:
        year, month, date = [int(part) for part in text[:10].split("-")]
        clock, sign, offset = text[11:], 0, ""
        if clock[-1] == "Z":
            clock = clock[:-1]
        for each in ("+", "-"):
            if each in clock:
                clock, _, offset = clock.partition(each)
                sign = 1 if each == "+" else -1
        hour, minute, second = [int(part) for part in (clock + ":00").split(":")[:3]]
        at = _days(year, month, date) * _DAY + hour * 3600 + minute * 60 + second
        if offset:
            hour, minute = [int(part) for part in offset.split(":")]
            at -= sign * (hour * 3600 + minute * 60)
        return at
    except (ValueError, IndexError):
        raise ValueError("is {}, which a leaf cannot read: write it as 2026-05-01T07:30".format(text)) from None


def _days(year: int, month: int, date: int) -> int:
    """Days since 1970-01-01 of a date of the Gregorian calendar, whose years begin in March here."""
    year -= month < 3
    return year * 365 + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + date - 719469


def _date(day: int) -> "tuple[int, int, int]":
    """Year, month and day of the month, of days since 1970-01-01."""
    year = (day + 719468) * 400 // 146097
    while _days(year + 1, 1, 1) <= day:
        year += 1
    while _days(year, 1, 1) > day:
        year -= 1
    month = 12
    while _days(year, month, 1) > day:
        month -= 1
    return year, month, day - _days(year, month, 1) + 1

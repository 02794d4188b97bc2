# SPDX-License-Identifier: GPL-3.0-or-later
"""When a trigger by `cron`, `at` or `every` is due.

    schedule = parse(cron="0 7 * * *", timezone="Europe/Kyiv")
    due = schedule.next(now)  # nanoseconds since the Unix epoch, later than `now`; None where there is no more

- Without `timezone` times are in UTC. A zone is one of IANA's, from the system's tzdata.
- A time of day that does not exist (clocks go forward) is at the jump; one that exists twice is the first of the two.
  Only a cron expression for every hour (`*`) goes by the time that passes: it misses nothing when an hour comes twice.
- `every` counts from the Unix epoch: `15m` is due at the quarters of an hour, whenever the script was loaded.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from typing import Protocol

from ganglion.units import duration
from ganglion.words import _

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:.+")
#: What CronSim says of a field that is wrong, in the order of the fields.
_FIELDS = ("Bad minute", "Bad hour", "Bad day-of-month", "Bad month", "Bad day-of-week")
#: Of a cron expression; many times what anybody writes.
_MAX_CHARACTERS = 256


class ScheduleError(ValueError):
    """A schedule that cannot be read.

    Attributes:
        key: Of the trigger: `cron`, `at`, `every` or `timezone`.
        hint: What to write instead.
    """

    def __init__(self, key: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint


class Schedule(Protocol):
    """Times at which something is due. `str` gives it as text, which is the same for equal schedules."""

    def next(self, after: int) -> int | None:
        """The first time later than `after`, both in nanoseconds since the Unix epoch; None where there is none."""


@dataclass(frozen=True, slots=True)
class Every:
    """Each `period` nanoseconds."""

    period: int

    def next(self, after: int) -> int:
        return (after // self.period + 1) * self.period

    def __str__(self) -> str:
        return f"every {self.period} ns"


@dataclass(frozen=True, slots=True)
class Once:
    """At `moment`, in nanoseconds since the Unix epoch."""

    moment: int

    def next(self, after: int) -> int | None:
        return self.moment if after < self.moment else None

    def __str__(self) -> str:
        return f"at {self.moment} ns"


@dataclass(frozen=True, slots=True)
class Daily:
    """Each day at a time of day."""

    time: time
    zone: tzinfo

    def next(self, after: int) -> int:
        today = _local(after, self.zone).date()
        # From yesterday, whose time may have moved to a jump at midnight, to the day after one that a zone left out.
        days = (today + timedelta(days=i) for i in range(-1, 3))
        return next(due for day in days if (due := _moment(day, self.time, self.zone)) > after)

    def __str__(self) -> str:
        return f"at {self.time} {self.zone}"


@dataclass(frozen=True, slots=True)
class Cron:
    """As a cron expression of five fields says: minute, hour, day of the month, month, day of the week."""

    expression: str
    zone: tzinfo

    def next(self, after: int) -> int | None:
        from cronsim import CronSim  # only those who have such a trigger pay for it

        times = CronSim(self.expression, _local(after, self.zone))
        # In the second of two equal hours it begins with the first one's times.
        return next((due for each in times if (due := _nanoseconds(each)) > after), None)

    def __str__(self) -> str:
        return f"cron {self.expression} {self.zone}"


def parse(*, cron: str = "", at: str = "", every: str = "", timezone: str = "") -> Schedule:
    """The schedule of a trigger, of which one of `cron`, `at` and `every` is given.

    Args:
        at: A time of day such as `07:30`, or an ISO 8601 date and time, in `timezone` where it has no offset.
        timezone: A name such as `Europe/Kyiv`; UTC where it is empty.

    Raises:
        ScheduleError: one of them cannot be read.
        InvalidError: `every` is no duration.
    """
    if every:
        period = duration(every)
        if period <= 0:
            raise ScheduleError("every", _("{text!r} is no period").format(text=every), _("write 1s, or more"))
        return Every(period)
    zone = _zone(timezone)
    if cron:
        return Cron(_expression(cron), zone)
    if _TIME.fullmatch(at):
        return Daily(time.fromisoformat(at), zone)
    return _once(at, zone)


def _once(at: str, zone: tzinfo) -> Once:
    try:
        wall = datetime.fromisoformat(at if _DATE_TIME.fullmatch(at) else "")
        moment = _moment(wall.date(), wall.time(), zone) if wall.tzinfo is None else _nanoseconds(wall)
        if 0 <= moment < 1 << 63:
            return Once(moment)
    except (ValueError, OverflowError):
        pass
    message = _("{text!r} is neither a time of day nor a date and time").format(text=at[:64])
    raise ScheduleError("at", message, _("as in 07:30, or 2026-05-01T07:30"))


def _expression(text: str) -> str:
    """A cron expression in which `*` stands for a whole field only where the schedule goes by the time that passes."""
    from cronsim import CronSim, CronSimError

    fields = text.split()
    hint = _(
        "minute, hour, day of the month, month and day of the week, as in 0 7 * * 1-5 for 7:00 from Monday to Friday"
    )
    if len(fields) != 5 or len(text) > _MAX_CHARACTERS:
        message = _("{text!r} does not have the five fields of a cron expression").format(text=text[:64])
        raise ScheduleError("cron", message, hint)
    try:
        CronSim(text, _EPOCH)
    except CronSimError as error:
        wrong = fields[_FIELDS.index(str(error))]
        message = _("{field!r} does not fit its place in the cron expression {text!r}").format(field=wrong, text=text)
        raise ScheduleError("cron", message, hint) from None
    minute, hour, *days = fields
    if not {"*", "*/1"} & set(hour.split(",")):
        # CronSim, as Debian's cron, takes a leading star as a sign that the time of day does not matter.
        minute, hour = _spelt(minute, "0-59"), _spelt(hour, "0-23")
    return " ".join((minute, hour, *days))


def _spelt(field: str, whole: str) -> str:
    return ",".join(whole + term[1:] if term.startswith("*") else term for term in field.split(","))


def _zone(name: str) -> tzinfo:
    if name in ("", "UTC"):
        return UTC
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such file, no file of this kind, no name of a file
        known = available_timezones()
    if not known:
        raise ScheduleError("timezone", _("there are no time zones here"), _("install the system's tzdata")) from None
    message = _("there is no timezone {name!r}").format(name=name[:64])
    raise ScheduleError("timezone", message, _near(name[:64], known)) from None


def _near(name: str, known: set[str]) -> str:
    """The zone that was likely meant: of the same city, or spelt alike."""
    city = name.rpartition("/")[2].casefold()
    near = sorted(each for each in known if each.rpartition("/")[2].casefold() == city)
    near = near or get_close_matches(name, sorted(known), 1)
    return _('did you mean "{name}"?').format(name=near[0]) if near else _("write a name of IANA's, as in Europe/Kyiv")


def _local(moment: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=moment // 1000)).astimezone(zone)


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _moment(day: date, wall: time, zone: tzinfo) -> int:
    """When a clock in the zone shows this time; where it never does, when it jumps over it."""
    shown = datetime.combine(day, wall)
    if not _exists(shown, zone):
        shown = shown.replace(second=0, microsecond=0)
        while not _exists(shown, zone):
            shown += timedelta(minutes=1)
    return _nanoseconds(shown.replace(tzinfo=zone))


def _exists(shown: datetime, zone: tzinfo) -> bool:
    return shown.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == shown

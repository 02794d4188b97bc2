# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads times and dates that people write, in English and Ukrainian, as ISO 8601 (`2025-03-02T07:00:00+02:00`).

Read are clock times (`7:30`, `7 pm`, `at seven`, `о 7:30`, `о сьомій вечора`), days (`tomorrow`, `on Monday`, `5 May`,
`2025-03-02`, `у п'ятницю`, `5 травня`), both together, ISO 8601 itself, and what begins now (`in ten minutes`,
`через пів години`). A time alone is its next occurrence, a weekday the next one after today.
"""

import re
from datetime import date, datetime, time, timedelta

from ganglion.intent.durations import duration
from ganglion.intent.number import number
from ganglion.intent.units import unit

_DAYS = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "сьогодні": 0, "завтра": 1, "післязавтра": 2,
         "вчора": -1, "учора": -1, "позавчора": -2}  # fmt: skip
_WEEKDAYS = {
    name: day
    for day, names in enumerate((
        "monday понеділок понеділка", "tuesday вівторок вівторка", "wednesday середа середу середи",
        "thursday четвер четверга", "friday п'ятниця п'ятницю п'ятниці", "saturday субота суботу суботи",
        "sunday неділя неділю неділі",
    ))
    for name in names.split()
}  # fmt: skip
_MONTHS = {
    name: month
    for month, names in enumerate((
        "january jan січня", "february feb лютого", "march mar березня", "april apr квітня", "may травня",
        "june jun червня", "july jul липня", "august aug серпня", "september sep sept вересня",
        "october oct жовтня", "november nov листопада", "december dec грудня",
    ), 1)
    for name in names.split()
}  # fmt: skip
_HOURS = {
    name: hour
    for hour, name in enumerate((
        "першій", "другій", "третій", "четвертій", "п'ятій", "шостій", "сьомій", "восьмій", "дев'ятій", "десятій",
        "одинадцятій", "дванадцятій",
    ), 1)
}  # fmt: skip
_FIXED = {"noon": time(12), "midday": time(12), "midnight": time(0), "опівдні": time(12), "опівночі": time(0)}
#: What a part of the day makes of an hour up to twelve.
_EVENING = ("pm", "p.m.", "in the afternoon", "in the evening", "at night", "вечора", "дня")
_MORNING = ("am", "a.m.", "in the morning", "ранку", "ночі")

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d)?(?:z|[+-]\d\d:\d\d)?)?(?![\d-])", re.ASCII)
_AT = re.compile(r"(?:at|until|till|о|об)\s")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(?![\d:])", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d\d)(?![\w.])", re.ASCII)
_PART = re.compile(r"\s?(" + "|".join(map(re.escape, (*_EVENING, *_MORNING))) + r")(?!\w)")
_OCLOCK = re.compile(r"\s(?:o'clock|годин[іу])(?!\w)")
_LINK = re.compile(r"\s?,\s?|\s(?:on\s|в\s|у\s)?")
_AFTER = re.compile(r"day after tomorrow(?!\w)")
_NEXT = re.compile(r"(?:next|this|наступн\w{1,3}|ц\w{1,2})\s")
_MONTH_DAY = re.compile(r"([a-z]+)\s(\d{1,2})(?:st|nd|rd|th)?(?!\w)(?:,?\s(\d{4})(?!\w))?", re.ASCII)
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s(?:of\s)?([^\W\d_]+)(?:,?\s(\d{4})(?!\w))?")
_FROM_NOW = re.compile(r"(?:in|через|за)\s")


def moment(text: str, at: int, now: datetime) -> tuple[str, str, int] | None:
    """What begins at a place of a plain text in small letters: `time` or `date`, its value, and where it ends.

    Args:
        now: When it is said; times are of its zone.
    """
    try:
        return _moment(text, at, now)
    except (ValueError, OverflowError):  # 31 February, 25:00, a year that no calendar has
        return None


def _moment(text: str, at: int, now: datetime) -> tuple[str, str, int] | None:
    if iso := _ISO.match(text, at):
        if iso.end() - at == len("2025-03-02"):
            return _joined(text, date.fromisoformat(iso[0]), iso.end(), now)
        said = datetime.fromisoformat(iso[0].upper())
        return "time", _written(said if said.tzinfo else said.replace(tzinfo=now.tzinfo)), iso.end()
    if (ahead := _FROM_NOW.match(text, at)) and (span := duration(text, ahead.end())):
        # Counted in seconds, of which none is missing or there twice.
        return "time", _written(datetime.fromtimestamp(now.timestamp() + span[0], tz=now.tzinfo)), span[1]
    if day := _day(text, at, now):
        return _joined(text, day[0], day[1], now, is_night=text.startswith("tonight", at))
    if clock := _clock(text, at):
        return _timed(text, clock[0], clock[1], now)
    return None


def _joined(text: str, day: date, end: int, now: datetime, *, is_night: bool = False) -> tuple[str, str, int]:
    """A day with the time that may follow it."""
    if (link := _LINK.match(text, end)) and (clock := _clock(text, link.end())):
        at = clock[0].replace(hour=clock[0].hour + 12) if is_night and 0 < clock[0].hour < 12 else clock[0]
        return "time", _written(datetime.combine(day, at, now.tzinfo)), clock[1]
    return "date", day.isoformat(), end


def _timed(text: str, clock: time, end: int, now: datetime) -> tuple[str, str, int]:
    """A time with the day that may follow it; else its next occurrence."""
    if (link := _LINK.match(text, end)) and (day := _day(text, link.end(), now)):
        return "time", _written(datetime.combine(day[0], clock, now.tzinfo)), day[1]
    then = datetime.combine(now.date(), clock, now.tzinfo)
    if then <= now:
        then = datetime.combine(now.date() + timedelta(days=1), clock, now.tzinfo)
    return "time", _written(then), end


def _day(text: str, at: int, now: datetime) -> tuple[date, int] | None:
    today = now.date()
    if after := _AFTER.match(text, at):
        return today + timedelta(days=2), after.end()
    start = at if not (coming := _NEXT.match(text, at)) else coming.end()
    if word := _WORD.match(text, start):
        if start == at and word[0] in _DAYS:
            return today + timedelta(days=_DAYS[word[0]]), word.end()
        if word[0] in _WEEKDAYS:
            ahead = (_WEEKDAYS[word[0]] - today.weekday() - 1) % 7 + 1
            return today + timedelta(days=ahead), word.end()
    for pattern, month, day in ((_MONTH_DAY, 1, 2), (_DAY_MONTH, 2, 1)):
        if (found := pattern.match(text, at)) and found[month] in _MONTHS:
            year = int(found[3]) if found[3] else today.year
            said = date(year, _MONTHS[found[month]], int(found[day]))
            if not found[3] and said < today:
                said = said.replace(year=year + 1)
            return said, found.end()
    return None


def _clock(text: str, at: int) -> tuple[time, int] | None:
    """A time of day, with or without `at` before it."""
    prefix = _AT.match(text, at)
    start = prefix.end() if prefix else at
    if clock := _CLOCK.match(text, start) or (_DOTTED.match(text, start) if prefix else None):
        seconds = clock[3] if clock.re is _CLOCK and clock[3] else "0"
        return _part(text, time(int(clock[1]), int(clock[2]), int(seconds)), clock.end())
    if (word := _WORD.match(text, start)) and word[0] in _FIXED:
        return _FIXED[word[0]], word.end()
    if word and prefix and word[0] in _HOURS:
        hour, end = _HOURS[word[0]], word.end()
    elif (found := number(text, start)) and isinstance(found[0], int) and 0 <= found[0] <= 24:
        hour, end = found[0], found[1]
    else:
        return None
    clocked = _OCLOCK.match(text, end)
    end = clocked.end() if clocked else end
    part = _PART.match(text, end)
    if not (part or clocked) and (not prefix or _is_measure(text, start, end)):
        return None
    return _part(text, time(hour % 24), end)


def _is_measure(text: str, start: int, end: int) -> bool:
    """Whether a number is one of something: `at 20 degrees`, `at 5th`."""
    return unit(text, end) is not None or duration(text, start) is not None or text[end : end + 1].isalpha()


def _part(text: str, clock: time, end: int) -> tuple[time, int]:
    """Moved by the part of the day that may follow."""
    if part := _PART.match(text, end):
        end = part.end()
        if part[1] in _EVENING and 0 < clock.hour < 12 and (part[1] != "at night" or clock.hour > 5):
            clock = clock.replace(hour=clock.hour + 12)
        elif part[1] in _MORNING and clock.hour == 12:
            clock = clock.replace(hour=0)
    return clock, end


def _written(moment: datetime) -> str:
    """With the offset that its zone has then; an hour that the clock leaves out is the one after it."""
    return datetime.fromtimestamp(moment.timestamp(), tz=moment.tzinfo).isoformat(timespec="seconds")

# SPDX-License-Identifier: GPL-3.0-or-later
"""cron, at, every: when they are due, also in the days on which clocks are changed, and what cannot be read."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.mova.schedule import Every, Once, Schedule, ScheduleError, parse
from ganglion.units import SECOND
from support.mova import edge, found

KYIV = ZoneInfo("Europe/Kyiv")
ZONES = ("UTC", "Europe/Kyiv", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu")
DAY = 86400 * SECOND
MOMENTS = st.integers(min_value=1_600_000_000 * SECOND, max_value=2_500_000_000 * SECOND)


def ns(text: str, zone: ZoneInfo = KYIV) -> int:
    """A moment that is written as its zone shows it, or with an offset."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()) * SECOND


def times(schedule: Schedule, after: str, count: int) -> list[str]:
    """The next times, as clocks in Kyiv show them."""
    shown = []
    moment: int | None = ns(after)
    for _ in range(count):
        assert moment is not None
        moment = schedule.next(moment)
        assert moment is not None
        shown.append(datetime.fromtimestamp(moment / SECOND, KYIV).strftime("%m-%d %H:%M%z"))
    return shown


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        # On 2026-03-29 clocks go from 03:00 to 04:00.
        ({"cron": "0 7 * * *"}, ["03-28 07:00+0200", "03-29 07:00+0300", "03-30 07:00+0300"]),
        ({"cron": "30 3 * * *"}, ["03-28 03:30+0200", "03-29 04:00+0300", "03-30 03:30+0300"]),
        ({"cron": "10,40 3 * * *"}, ["03-28 03:10+0200", "03-28 03:40+0200", "03-29 04:00+0300", "03-30 03:10+0300"]),
        ({"cron": "*/30 3 * * *"}, ["03-28 03:00+0200", "03-28 03:30+0200", "03-29 04:00+0300", "03-30 03:00+0300"]),
        ({"at": "03:30"}, ["03-28 03:30+0200", "03-29 04:00+0300", "03-30 03:30+0300"]),
        ({"at": "03:30:30"}, ["03-28 03:30+0200", "03-29 04:00+0300", "03-30 03:30+0300"]),
        ({"at": "2026-03-29T03:30"}, ["03-29 04:00+0300"]),
        ({"at": "2026-03-29T03:30:00+02:00"}, ["03-29 04:30+0300"]),
    ],
)
def test_a_time_that_does_not_exist_is_at_the_jump(keys: dict[str, str], expected: list[str]) -> None:
    schedule = parse(**keys, timezone="Europe/Kyiv")
    assert times(schedule, "2026-03-27T12:00", len(expected)) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        # On 2026-10-25 clocks go from 04:00 to 03:00.
        ({"cron": "0 7 * * *"}, ["10-25 07:00+0200", "10-26 07:00+0200"]),
        ({"cron": "30 3 * * *"}, ["10-25 03:30+0300", "10-26 03:30+0200"]),
        ({"cron": "*/30 3 * * *"}, ["10-25 03:00+0300", "10-25 03:30+0300", "10-26 03:00+0200"]),
        ({"cron": "0 */3 * * *"}, ["10-24 15:00+0300", "10-24 18:00+0300", "10-24 21:00+0300", "10-25 00:00+0300"]),
        ({"at": "03:30"}, ["10-25 03:30+0300", "10-26 03:30+0200"]),
        ({"at": "2026-10-25 03:30"}, ["10-25 03:30+0300"]),
    ],
)
def test_a_time_that_exists_twice_is_the_first(keys: dict[str, str], expected: list[str]) -> None:
    schedule = parse(**keys, timezone="Europe/Kyiv")
    assert times(schedule, "2026-10-24T12:00", len(expected)) == expected


@pytest.mark.parametrize("second_of_two", ["2026-10-25T03:10:00+02:00", "2026-10-25T03:45:00+02:00"])
@pytest.mark.parametrize("keys", [{"cron": "30 3 * * *"}, {"at": "03:30"}])
def test_within_the_second_of_two_equal_hours_the_next_is_tomorrow(keys: dict[str, str], second_of_two: str) -> None:
    assert times(parse(**keys, timezone="Europe/Kyiv"), second_of_two, 1) == ["10-26 03:30+0200"]


def test_every_hour_goes_by_the_time_that_passes() -> None:
    hourly = parse(cron="0 * * * *", timezone="Europe/Kyiv")
    assert times(hourly, "2026-10-25T01:30", 4) == [
        "10-25 02:00+0300",
        "10-25 03:00+0300",
        "10-25 03:00+0200",
        "10-25 04:00+0200",
    ]
    assert times(hourly, "2026-03-29T01:30", 3) == ["03-29 02:00+0200", "03-29 04:00+0300", "03-29 05:00+0300"]


@given(MOMENTS, st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59), st.booleans())
def test_a_time_of_day_is_due_on_each_day_once(after: int, zone: str, hour: int, minute: int, as_cron: bool) -> None:
    keys = {"cron": f"{minute} {hour} * * *"} if as_cron else {"at": f"{hour:02}:{minute:02}"}
    schedule = parse(**keys, timezone=zone)
    moments = [after]
    for _ in range(400):
        moment = schedule.next(moments[-1])
        assert moment is not None
        moments.append(moment)
    assert all(a < b for a, b in pairwise(moments))
    shown = [datetime.fromtimestamp(each / SECOND, ZoneInfo(zone)) for each in moments[1:]]
    assert all((b.date() - a.date()).days == 1 for a, b in pairwise(shown))
    # On all but a day or two of a year it is the time that was asked for.
    assert sum((each.hour, each.minute) != (hour, minute) for each in shown) <= 3


FIELDS = st.tuples(
    st.sampled_from(["*", "0", "*/15", "7,37", "50-59/3"]),
    st.sampled_from(["*", "3", "*/2", "0,23", "1-5", "2-4/2"]),
    st.sampled_from(["*", "1", "L", "*/10", "31"]),
    st.sampled_from(["*", "2", "JAN-MAR", "10"]),
    st.sampled_from(["*", "1-5", "SUN", "7", "MON#2"]),
).map(" ".join)


@given(FIELDS, MOMENTS, st.sampled_from(ZONES))
def test_cron_always_goes_on(fields: str, after: int, zone: str) -> None:
    try:
        schedule = parse(cron=fields, timezone=zone)
    except ScheduleError:
        assert " 31 2 " in fields  # a day that never comes
        return
    for _ in range(5):
        moment = schedule.next(after)
        if moment is None:
            break  # a date that does not come in fifty years
        assert after < moment
        assert schedule.next(moment - 1) == moment
        after = moment


@given(MOMENTS, st.sampled_from(["0 * * * *", "*/7 * * * *", "5,10 3-6 * * 1-5", "0 12 1,15 * *", "30 8 * 2 0"]))
def test_in_utc_cron_agrees_with_looking_at_each_minute(after: int, expression: str) -> None:
    minutes, hours, days, months, weekdays = (
        None if field == "*" else _values(field, last)
        for field, last in zip(expression.split(), (59, 23, 31, 12, 7), strict=True)
    )
    moment = datetime.fromtimestamp(after // SECOND, UTC).replace(second=0) + timedelta(minutes=1)
    for _ in range(60 * 24 * 400):
        if (
            (months is None or moment.month in months)
            and (days is None or moment.day in days)
            and (weekdays is None or moment.isoweekday() % 7 in weekdays)
        ):
            if (hours is None or moment.hour in hours) and (minutes is None or moment.minute in minutes):
                break
            moment += timedelta(minutes=1)
        else:
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
    assert parse(cron=expression).next(after) == int(moment.timestamp()) * SECOND


def _values(field: str, last: int) -> set[int]:
    found: set[int] = set()
    for term in field.split(","):
        term, _, step = term.partition("/")
        low, _, high = (f"0-{last}" if term == "*" else term).partition("-")
        found |= set(range(int(low), int(high or low) + 1, int(step or 1)))
    return found


@given(MOMENTS, st.integers(1, 400 * DAY))
def test_every_is_due_at_multiples_of_its_period(after: int, period: int) -> None:
    moment = Every(period).next(after)
    assert after < moment <= after + period
    assert moment % period == 0


def test_a_date_and_time_is_due_once() -> None:
    schedule = parse(at="2026-05-01T07:30", timezone="Europe/Kyiv")
    assert schedule == Once(ns("2026-05-01T04:30:00+00:00"))
    assert schedule.next(ns("2026-05-01T07:30")) is None


def test_a_day_that_a_zone_left_out_is_at_the_jump() -> None:
    apia = ZoneInfo("Pacific/Apia")  # there was no 2011-12-30
    schedule = parse(at="07:30", timezone="Pacific/Apia")
    first = schedule.next(ns("2011-12-29T12:00", apia))
    assert first == ns("2011-12-31T00:00", apia)
    assert schedule.next(first) == ns("2011-12-31T07:30", apia)


def test_equal_schedules_have_one_text_and_others_have_another() -> None:
    schedules = [
        parse(**keys)
        for keys in (
            {"cron": "0 7 * * *"},
            {"cron": "0 7 * * *", "timezone": "Europe/Kyiv"},
            {"cron": "0 8 * * *"},
            {"at": "07:00"},
            {"at": "07:00", "timezone": "Europe/Kyiv"},
            {"at": "2026-05-01T07:00"},
            {"every": "5m"},
            {"every": "6m"},
        )
    ]
    assert len({str(each) for each in schedules}) == len(schedules)
    assert str(parse(cron=" 0  7 * * * ")) == str(schedules[0])


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ({"cron": "0 7 * *"}, "cron", "five fields"),
        ({"cron": "@daily"}, "cron", "five fields"),
        ({"cron": "0 0 7 * * *"}, "cron", "five fields"),
        ({"cron": "60 7 * * *"}, "cron", "'60' does not fit"),
        ({"cron": "0 7 * 13 *"}, "cron", "'13' does not fit"),
        ({"cron": "0 25 * * *"}, "cron", "'25' does not fit its place"),
        ({"cron": "0 7 * * MONDAY"}, "cron", "'MONDAY' does not fit"),
        ({"cron": "0 7 31 2 *"}, "cron", "'31' does not fit"),
        ({"cron": "1," * 200 + "1 7 * * *"}, "cron", "five fields"),
        ({"at": "7:30"}, "at", "neither a time of day"),
        ({"at": "24:00"}, "at", "neither a time of day"),
        ({"at": "2026-05-01"}, "at", "neither a time of day"),
        ({"at": "2026-02-30T07:30"}, "at", "neither a time of day"),
        ({"at": "9999-12-31T23:59:59-23:00"}, "at", "neither a time of day"),
        ({"at": "1969-05-01T07:30Z"}, "at", "neither a time of day"),
        ({"every": "0s"}, "every", "no period"),
        ({"at": "07:30", "timezone": "Europe/Kiyv"}, "timezone", "no timezone 'Europe/Kiyv'"),
        ({"at": "07:30", "timezone": "../../../etc/passwd"}, "timezone", "no timezone"),
        ({"at": "07:30", "timezone": "Europe"}, "timezone", "no timezone"),
        ({"at": "07:30", "timezone": "a\0b"}, "timezone", "no timezone"),
        ({"at": "07:30", "timezone": "x" * 5000}, "timezone", "no timezone"),
    ],
)
def test_what_cannot_be_read_is_said(keys: dict[str, str], key: str, words: str) -> None:
    with pytest.raises(ScheduleError, match=words) as caught:
        parse(**keys)
    assert caught.value.key == key
    assert caught.value.hint


@given(st.sampled_from(["cron", "at", "every", "timezone"]), st.text(st.sampled_from("0123456789*/-,:TZLW# +.msd")))
def test_any_text_is_a_schedule_or_an_error(key: str, text: str) -> None:
    keys = {key: text} if key != "timezone" else {"at": "07:30", key: text}
    try:
        schedule = parse(**keys)
    except (ScheduleError, InvalidError):
        return
    moment = schedule.next(1_700_000_000 * SECOND)
    assert moment is None or moment > 1_700_000_000 * SECOND


@pytest.mark.parametrize(
    ("trigger", "code", "path", "hint"),
    [
        ("cron: 0 25 * * *", "MV209", ".cron", "0 7 * * 1-5"),
        ("at: noon", "MV209", ".at", "as in 07:30"),
        ("every: 0s", "MV209", ".every", "write 1s"),
        ("at: '07:30', timezone: Europe/Kiyv", "MV209", ".timezone", 'did you mean "Europe/Kyiv"?'),
        ("at: '07:30', timezone: kyiv", "MV209", ".timezone", 'did you mean "Europe/Kyiv"?'),
        ("at: '07:30', timezone: Mars", "MV209", ".timezone", "IANA"),
        ("every: 5m, timezone: Europe/Kyiv", "MV113", ".timezone", ""),
        ("sensor: a, missed: skip", "MV113", ".missed", ""),
        ("start: true, timezone: Europe/Kyiv", "MV113", ".timezone", ""),
        ("every: often", "MV109", ".every", ""),
        ("cron: 7", "MV102", ".cron", ""),
    ],
)
def test_a_document_with_such_a_trigger_is_refused(trigger: str, code: str, path: str, hint: str) -> None:
    (finding,) = found(edge(head=f"triggers: [{{id: t, run: main, {trigger}}}]"))
    assert (finding.code, finding.path) == (code, f"triggers[0]{path}")
    assert hint in finding.hint


def test_where_no_zones_are_installed_that_is_said() -> None:
    says = "from ganglion.mova.schedule import parse; parse(at='07:30', timezone='Europe/Kyiv')"
    environment = {"PYTHONTZPATH": "", "PYTHONPATH": ":".join(sys.path), "PYTHONSAFEPATH": "1"}
    hidden = f"import sys; sys.modules['tzdata'] = None; {says}"
    done = subprocess.run([sys.executable, "-c", hidden], env=environment, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("ScheduleError: there are no time zones here")


def test_a_document_without_a_cron_trigger_loads_no_cron() -> None:
    says = (
        "import sys; from support.mova import codes, edge; print(codes(edge(head='triggers: [{id: t, run: main, %s}]'))"
    )
    for trigger, loaded in (("every: 5m", False), ("cron: 0 7 * * *", True)):
        script = says % trigger + ", 'cronsim' in sys.modules)"
        environment = {"PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == f"[] {loaded}", done.stderr

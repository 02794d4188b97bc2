# SPDX-License-Identifier: GPL-3.0-or-later
"""`cron` and `at` on a device are due when they are due on a node, which has CronSim and an agenda for it."""

import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.mova.agenda import PLAUSIBLE, Agenda
from ganglion.mova.schedule import parse
from ganglion_agent import calendar as calendars
from ganglion_agent import triggers
from ganglion_agent.calendar import Calendar
from ganglion_micro import plan as p

SECOND = 10**9
START = PLAUSIBLE // SECOND


def field(low: int, high: int, *words: str) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    # CronSim takes 3-3/2 for 3/2
    bounds = st.tuples(st.integers(low, high - 1), number).map(lambda both: (both[0], max(both[0] + 1, both[1])))
    term = st.one_of(
        st.just("*"),
        number.map(str),
        st.sampled_from(words or ("*",)),
        bounds.map(lambda both: f"{both[0]}-{both[1]}"),
        st.integers(1, 20).map(lambda step: f"*/{step}"),
        st.tuples(number, st.integers(1, 9)).map(lambda both: f"{both[0]}/{both[1]}"),
        st.tuples(bounds, st.integers(1, 9)).map(lambda each: f"{each[0][0]}-{each[0][1]}/{each[1]}"),
    )
    return st.lists(term, min_size=1, max_size=2).map(",".join)


CRON = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12, "JAN", "dec"), field(0, 7, "MON", "sun")).map(
    " ".join
)
AT = st.sampled_from(
    ["07:30", "23:59:59", "2026-05-01T07:30", "2026-05-01 07:30:15", "2026-05-01T07:30Z", "2026-05-01T07:30:00+02:30"]
)
WHEN = st.integers(START, START + 40 * 365 * 86400)


def calendar(text: str) -> Calendar:
    return Calendar([text, "", "", "", False] if text.count(" ") == 4 else ["", text, "", "UTC", False])


@settings(max_examples=60)
@given(CRON | AT, WHEN)
def test_the_next_time_is_that_of_a_node(text: str, after: int) -> None:
    theirs = parse(cron=text) if text.count(" ") == 4 else parse(at=text)
    due = theirs.next(after * SECOND)
    if due is None or due < (after + 8 * 365 * 86400) * SECOND:
        assert calendar(text).next(after) == (due or 0) // SECOND


def test_a_leap_day_is_found_over_the_year_that_has_none() -> None:
    moment = int(datetime(2096, 3, 1, tzinfo=UTC).timestamp())
    assert calendar("0 0 29 2 *").next(moment) == int(datetime(2104, 2, 29, tzinfo=UTC).timestamp())
    assert calendar("0 0 30 2 *").next(moment) == 0


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 30 2 *", "0 0 1 1 *"])
def test_a_rare_time_is_found_before_a_watchdog_ends_the_board(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    date = calendars._date

    def counted(day: int) -> tuple[int, int, int]:
        nonlocal looked
        looked += 1
        return date(day)

    monkeypatch.setattr(calendars, "_date", counted)
    calendar(text).next(int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()))
    assert looked < 400, "days, of the 2930 of eight years; each takes an RP2040 some milliseconds"


@given(
    st.sampled_from(["*/5 * * * *", "0 * * * *", "30 7 * * *", "07:30", "2025-01-01T03:00"]),
    st.lists(st.sampled_from([1, 20, 59, 61, 300, 3600, 7200, 90000, -5, -3600, -4 * 3600, -90000]), max_size=60),
)
def test_it_runs_when_a_node_would_run_it_whatever_the_clock_does(text: str, steps: list[int]) -> None:
    ours, agenda = calendar(text), Agenda({})
    theirs = parse(cron=text) if text.count(" ") == 4 else parse(at=text)
    now = START + 100_000
    assert not ours.due(0)
    agenda.add("it", theirs, now * SECOND)
    assert not ours.due(now * SECOND)
    for step in steps:
        now += step
        assert ours.due(now * SECOND) == bool(agenda.due(now * SECOND))


def test_without_a_clock_that_was_set_it_waits() -> None:
    ours = calendar("* * * * *")
    assert not any(ours.due(second * SECOND) for second in (0, 1000, START - 1))
    assert not ours.due((START + 30) * SECOND)
    assert ours.due((START + 60) * SECOND)
    assert not ours.due((START + 61) * SECOND)


def test_a_board_without_the_module_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ganglion_agent.calendar", None)
    raw = ["it", p.SCHEDULED, "", "", None, 0, 0, 0, [], None, False, False, ["0 6 * * *", "", "", "", False], None]
    assert 'write "calendar": true in agent.json' in triggers.unfit(raw, {})

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which schedules are due: late, missed, after a restart and where the clock was set, in virtual time."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mova import last_runs
from ganglion.mova.agenda import BACK, LATE, MAX_REMEMBERED, Agenda, LastRun
from ganglion.mova.schedule import Every, Schedule, parse
from ganglion.units import SECOND

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: 2026-01-01T00:00:00Z
BEGIN = 1_767_225_600 * SECOND
DAILY = parse(cron="0 7 * * *")
SEVEN = BEGIN + 7 * HOUR


def agenda(schedule: Schedule = DAILY, *, missed: str = "skip", now: int = BEGIN) -> Agenda:
    made = Agenda({})
    made.add("a/t", schedule, now, missed=missed)
    return made


def again(before: Agenda, now: int, schedule: Schedule = DAILY, *, missed: str) -> Agenda:
    """The process was down, and has begun again."""
    made = Agenda(before.unsaved() or {})
    made.add("a/t", schedule, now, missed=missed)
    return made


@pytest.mark.parametrize("missed", ["skip", "run_once"])
@pytest.mark.parametrize("late", [0, 1, LATE - 1])
def test_what_is_due_runs_once_even_if_it_is_a_little_late(missed: str, late: int) -> None:
    each = agenda(missed=missed)
    assert each.due(SEVEN - 1) == []
    assert each.due(SEVEN + late) == ["a/t"]
    assert each.due(SEVEN + late) == []
    assert each.due(SEVEN + DAY) == ["a/t"]


@pytest.mark.parametrize(("missed", "expected"), [("skip", []), ("run_once", ["a/t"])])
def test_a_clock_that_goes_forward_over_due_times_has_missed_them(missed: str, expected: list[str]) -> None:
    each = agenda(missed=missed)
    assert each.due(SEVEN + 3 * DAY + HOUR) == expected
    assert each.due(SEVEN + 3 * DAY + 2 * HOUR) == []
    assert each.due(SEVEN + 4 * DAY) == ["a/t"]


@pytest.mark.parametrize("missed", ["skip", "run_once"])
def test_of_many_that_passed_the_last_may_be_on_time(missed: str) -> None:
    each = agenda(Every(10 * SECOND), missed=missed)
    assert each.due(BEGIN + HOUR) == ["a/t"]
    assert each.due(BEGIN + HOUR) == []


@pytest.mark.parametrize("missed", ["skip", "run_once"])
@pytest.mark.parametrize("down", [30 * SECOND, HOUR])
def test_what_was_due_while_the_process_was_down(missed: str, down: int) -> None:
    each = agenda(missed=missed)
    assert each.due(SEVEN) == ["a/t"]
    each = again(each, SEVEN + DAY + down, missed=missed)
    assert each.due(SEVEN + DAY + down) == (["a/t"] if missed == "run_once" or down < LATE else [])
    each = again(each, SEVEN + DAY + down + SECOND, missed=missed)
    assert each.due(SEVEN + DAY + down + SECOND) == []


def test_what_is_missed_before_its_first_run_is_not_lost() -> None:
    each = again(agenda(missed="run_once"), SEVEN + HOUR, missed="run_once")
    assert each.due(SEVEN + HOUR) == ["a/t"]


def test_a_trigger_that_is_new_or_has_another_schedule_has_missed_nothing() -> None:
    each = agenda(missed="run_once", now=SEVEN + HOUR)
    assert each.due(SEVEN + HOUR) == []
    each = again(each, SEVEN + 5 * HOUR, parse(cron="0 9 * * *"), missed="run_once")
    assert each.due(SEVEN + 5 * HOUR) == []
    assert each.due(SEVEN + 26 * HOUR) == ["a/t"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_goes_back_runs_nothing_twice(restarted: bool) -> None:
    each = agenda()
    assert each.due(SEVEN) == ["a/t"]
    if restarted:
        each = again(each, SEVEN - BACK, missed="skip")
    assert each.due(SEVEN - BACK) == []
    assert each.due(SEVEN) == []
    assert each.due(SEVEN + DAY) == ["a/t"]


def test_a_clock_that_goes_back_far_had_been_wrong() -> None:
    each = agenda(missed="run_once", now=SEVEN + 1000 * DAY)
    assert each.due(SEVEN + 1001 * DAY) == ["a/t"]
    assert each.due(BEGIN) == []
    assert each.due(SEVEN) == ["a/t"]


def test_a_period_starts_anew_where_the_clock_went_back() -> None:
    each = agenda(Every(10 * SECOND), now=BEGIN + HOUR)
    assert each.due(BEGIN + HOUR + 10 * SECOND) == ["a/t"]
    assert each.due(BEGIN + SECOND) == []
    assert each.next(BEGIN + SECOND) == BEGIN + 10 * SECOND
    assert each.due(BEGIN + 10 * SECOND) == ["a/t"]


def test_it_is_looked_at_when_something_is_due_and_each_minute() -> None:
    each = agenda()
    assert each.next(BEGIN) == BEGIN + LATE
    assert each.next(SEVEN - SECOND) == SEVEN
    each.remove("a/t")
    assert each.next(BEGIN) is None
    each.add("b/once", parse(at="2025-05-01T07:00"), BEGIN)
    assert each.next(BEGIN) == BEGIN + LATE


def test_triggers_run_in_the_order_in_which_they_were_due() -> None:
    each = agenda(parse(at="07:00:20"))
    each.add("b/t", parse(at="07:00:30"), BEGIN)
    each.add("c/t", parse(at="07:00:10"), BEGIN)
    each.add("d/t", parse(at="07:00:20"), BEGIN)
    assert each.due(SEVEN + 40 * SECOND) == ["c/t", "a/t", "d/t", "b/t"]


def test_a_trigger_that_is_gone_does_not_run_and_is_remembered() -> None:
    each = agenda(missed="run_once")
    assert each.due(SEVEN) == ["a/t"]
    each.remove("a/t")
    each.remove("a/t")
    assert each.due(SEVEN + DAY) == []
    each.add("a/t", DAILY, SEVEN + DAY + HOUR, missed="run_once")
    assert each.due(SEVEN + DAY + HOUR) == ["a/t"]


def test_only_a_run_that_matters_later_is_to_be_saved() -> None:
    each = agenda()
    each.add("p/t", Every(10 * SECOND), BEGIN)
    assert each.unsaved() is None
    assert each.due(BEGIN + 10 * SECOND) == ["p/t"]
    assert each.unsaved() is None
    assert each.due(SEVEN) == ["p/t", "a/t"]
    assert each.unsaved() == {"a/t": LastRun(str(DAILY), SEVEN)}
    assert each.unsaved() is None


def test_the_oldest_of_too_many_is_forgotten() -> None:
    each = Agenda({})
    for i in range(MAX_REMEMBERED + 1):
        each.add(f"a/{i}", DAILY, BEGIN, missed="run_once")
    kept = each.unsaved()
    assert kept is not None
    assert len(kept) == MAX_REMEMBERED
    assert "a/0" not in kept


STEPS = st.lists(
    st.tuples(st.sampled_from(["look", "restart"]), st.one_of(st.integers(0, 2 * MINUTE), st.integers(0, 3 * DAY))),
    max_size=40,
)
SCHEDULES = st.sampled_from(
    [DAILY, parse(cron="*/5 * * * *"), parse(at="03:30", timezone="Europe/Kyiv"), parse(at="2026-01-03T12:00")]
)


@given(SCHEDULES, STEPS)
def test_where_it_runs_once_nothing_is_lost_and_nothing_runs_twice(
    schedule: Schedule, steps: list[tuple[str, int]]
) -> None:
    each, now, kept = agenda(schedule, missed="run_once"), BEGIN, {}
    for what, passed in steps:
        before, now = now, now + passed
        if what == "restart":
            kept = each.unsaved() or kept
            each = Agenda(kept)
            each.add("a/t", schedule, now, missed="run_once")
        due = schedule.next(before)
        assert each.due(now) == (["a/t"] if due is not None and due <= now else [])


def test_a_board_that_starts_in_1970_runs_the_job_of_the_day_once() -> None:
    each = agenda(missed="run_once")
    assert each.due(SEVEN) == ["a/t"]
    each = again(each, 5 * SECOND, missed="run_once")
    assert each.due(5 * SECOND) == []
    assert each.due(SEVEN + 2 * HOUR) == []
    assert each.due(SEVEN + DAY) == ["a/t"]


@pytest.mark.parametrize("missed", ["skip", "run_once"])
def test_nothing_but_periods_runs_before_the_clock_is_set_and_what_is_new_has_missed_nothing(missed: str) -> None:
    each = agenda(missed=missed, now=SECOND)
    each.add("p/t", Every(HOUR), SECOND, missed=missed)
    each.add("o/t", parse(at="2026-01-01T03:00"), SECOND, missed=missed)
    assert each.due(HOUR) == ["p/t"]
    assert each.due(7 * HOUR) == ["p/t"]
    assert each.unsaved() is None
    assert each.due(SEVEN + 5 * MINUTE) == []
    assert each.due(SEVEN + HOUR) == ["p/t"]
    assert each.due(SEVEN + DAY) == ["p/t", "a/t"]


def test_a_clock_that_was_far_ahead_in_this_process_is_forgotten_after_a_restart_too() -> None:
    each = agenda(missed="run_once", now=SEVEN + 1000 * DAY)
    assert each.due(SEVEN + 1001 * DAY) == ["a/t"]
    assert each.due(BEGIN) == []
    each = again(each, SEVEN, missed="run_once")
    assert each.due(SEVEN) == ["a/t"]


def test_what_an_earlier_process_has_done_is_not_forgotten_for_a_clock_that_is_far_behind() -> None:
    each = agenda(missed="run_once")
    assert each.due(SEVEN + 100 * DAY) == ["a/t"]
    each = again(each, BEGIN, missed="run_once")
    assert each.due(SEVEN + DAY) == []
    assert each.due(SEVEN + 100 * DAY + HOUR) == []
    assert each.due(SEVEN + 101 * DAY) == ["a/t"]


CLOCKS = st.lists(
    st.tuples(
        st.sampled_from(["look", "restart", "restart in 1970", "set"]),
        st.one_of(st.integers(0, 2 * MINUTE), st.integers(0, 3 * DAY)),
    ),
    max_size=40,
)


@given(SCHEDULES, CLOCKS)
def test_a_clock_that_is_right_in_the_end_loses_nothing_and_runs_nothing_twice(
    schedule: Schedule, steps: list[tuple[str, int]]
) -> None:
    """What the board shows is the true time, or after a start the time since then until its clock is set."""
    each, true, looked, kept = agenda(schedule, missed="run_once"), BEGIN, BEGIN, {}
    began: int | None = None
    for what, passed in steps:
        true += passed
        if what.startswith("restart"):
            kept = each.unsaved() or kept
            began = true if what == "restart in 1970" else None
            each = Agenda(kept)
            each.add("a/t", schedule, 0 if began is not None else true, missed="run_once")
        elif what == "set":
            began = None
        if began is not None:
            assert each.due(true - began) == []
        else:
            due = schedule.next(looked)
            assert each.due(true) == (["a/t"] if due is not None and due <= true else [])
            looked = true


@given(SCHEDULES, STEPS)
def test_where_it_is_skipped_only_what_is_on_time_runs(schedule: Schedule, steps: list[tuple[str, int]]) -> None:
    each, now = agenda(schedule), BEGIN
    for _, passed in steps:
        before, now = now, now + passed
        due = schedule.next(max(before, now - LATE))
        assert each.due(now) == (["a/t"] if due is not None and due <= now else [])


@given(SCHEDULES, st.sampled_from(["skip", "run_once"]), st.lists(st.integers(0, BACK), max_size=60))
def test_whatever_a_clock_does_within_three_hours_no_time_runs_twice(
    schedule: Schedule, missed: str, clock: list[int]
) -> None:
    each = agenda(schedule, missed=missed)
    done = BEGIN
    for since in clock:
        now = BEGIN + 5 * HOUR + since
        if each.due(now):
            due = schedule.next(done)
            assert due is not None
            assert due <= now
            done = now


def test_runs_are_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "state" / "runs.json"
    assert last_runs.load(path) == {}
    runs = {"сценарій/a": LastRun("cron 0 7 * * * Europe/Kyiv", SEVEN), "b/\ud800": LastRun("at 07:00:00 UTC", 0)}
    last_runs.save(path, runs)
    assert last_runs.load(path) == runs
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["runs.json"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "\x00",
        '{"a": 1}',
        '{"a": {"schedule": "x"}}',
        '{"a": {"schedule": "x", "until": -1}}',
        '{"a": {"schedule": "x", "until": Infinity}}',
        '{"a": {"schedule": "x", "until": 1e30}}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_damaged_file_is_said_and_counts_as_empty(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "runs.json"
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert last_runs.load(path) == {}
    assert "runs.json is damaged" in caplog.text

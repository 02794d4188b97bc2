# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.spool: what is kept and what goes first; mesh.courier: what is sent when."""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.mesh.courier import PATIENCE, WINDOW, Courier
from ganglion.mesh.spool import Dropped, Rank, Row, Spool


def row(seq: int, *, epoch: int = 1, size: int = 10, cls: str = "alert") -> Row:
    return Row(epoch, seq, f"gl1/m/n/x/e/{cls}", bytes(size))


class Hours:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now * 3600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


def test_what_was_committed_is_there_after_a_restart_in_order(path: Path) -> None:
    spool = Spool(path)
    spool.commit([row(2, epoch=2), row(1, epoch=2), row(7)], [])
    spool.close()
    spool = Spool(path)
    assert [one.key for one in spool.after((-1, -1), 10)] == [(1, 7), (2, 1), (2, 2)]
    assert (spool.count, spool.bytes) == (3, 30)
    spool.close()


def test_what_arrived_is_removed_and_named_once(path: Path) -> None:
    spool = Spool(path)
    spool.commit([row(1), row(2)], [])
    assert spool.commit([], [(1, 1), (1, 9)]).removed == [(1, 1)]
    assert spool.commit([], [(1, 1)]).removed == []
    assert (spool.count, spool.bytes) == (1, 10)
    spool.close()


def test_an_event_that_arrives_before_it_is_on_the_disk_is_removed_in_the_same_commit(path: Path) -> None:
    spool = Spool(path)
    assert spool.commit([row(1)], [(1, 1)]).removed == [(1, 1)]
    assert spool.count == 0
    spool.close()


def test_the_oldest_are_dropped_over_the_bound_and_named(path: Path) -> None:
    spool = Spool(path, limit=100)
    done = spool.commit([row(seq, size=30) for seq in range(1, 6)], [])
    assert done.dropped == [Dropped((1, 1), Rank.ALERT, False), Dropped((1, 2), Rank.ALERT, False)]
    assert ([one.seq for one in spool.after((-1, -1), 9)], spool.bytes) == ([3, 4, 5], 90)
    spool.close()


def test_what_matters_least_goes_first_and_of_that_the_oldest(path: Path) -> None:
    spool = Spool(path, limit=150)
    rows = [row(seq, size=30, cls=cls) for seq, cls in enumerate(["alert", "door", "episode", "door", "episode"], 1)]
    spool.commit(rows, [])
    gone = [spool.commit([row(seq, size=30)], []).dropped for seq in range(6, 11)]
    assert [(one.key[1], one.rank) for each in gone for one in each] == [
        (3, Rank.RECORD),
        (5, Rank.RECORD),
        (2, Rank.EVENT),
        (4, Rank.EVENT),
        (1, Rank.ALERT),
    ]
    assert [one.seq for one in spool.after((-1, -1), 9)] == [6, 7, 8, 9, 10]
    assert spool.commit([row(11, size=30, cls="episode")], []).dropped == [Dropped((1, 11), Rank.RECORD, False)]
    spool.close()


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(["alert", "door", "episode"]), st.integers(1, 60)), max_size=30),
    st.lists(st.integers(1, 30), max_size=10),
)
def test_what_stays_is_the_best_that_fits_and_the_counters_are_those_of_the_table(
    made: list[tuple[str, int]], arrived: list[int]
) -> None:
    rows = [row(seq, size=size, cls=cls) for seq, (cls, size) in enumerate(made, 1)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spool.db"
        spool = Spool(path, limit=300)
        done = spool.commit(rows, [(1, seq) for seq in arrived])
        left = [one for one in rows if one.seq not in arrived]
        for each in sorted(left, key=lambda one: (one.rank, one.key)):
            if sum(len(one.payload) for one in left) > 300:
                left.remove(each)
        assert spool.after((-1, -1), 99) == left
        assert {one.key for one in done.dropped} | set(done.removed) | {one.key for one in left} == {
            one.key for one in rows
        }
        counted = (spool.counts, spool.bytes)
        spool.close()
        spool = Spool(path)
        assert (spool.counts, spool.bytes) == counted
        spool.close()


def test_what_waited_too_long_while_the_node_ran_is_dropped(path: Path) -> None:
    hours = Hours()
    spool = Spool(path, age=24 * 3600, monotonic=hours)
    spool.commit([row(1)], [])
    hours.now += 20
    spool.commit([row(2)], [])
    hours.now += 4
    assert spool.commit([], []).dropped == [], "to the second it may stay"
    hours.now += 1
    assert spool.commit([], []).dropped == [Dropped((1, 1), Rank.ALERT, True)]
    assert [one.seq for one in spool.after((-1, -1), 9)] == [2]
    spool.close()


def test_a_node_that_is_off_does_not_make_its_events_old_and_starts_do_not_make_them_young(path: Path) -> None:
    for start in range(1, 6):
        hours = Hours()
        hours.now = start * 1000  # what a clock says at the start means nothing
        spool = Spool(path, age=24 * 3600, monotonic=hours)
        if start == 1:
            spool.commit([row(1)], [])
        for _ in range(7):
            hours.now += 1
            spool.commit([], [])
        assert spool.count == (1 if start <= 3 else 0)
        spool.close()


def test_an_idle_look_at_an_empty_spool_writes_nothing(path: Path) -> None:
    hours = Hours()
    spool = Spool(path, monotonic=hours)
    spool.commit([row(1)], [])
    spool.commit([], [(1, 1)])
    before = path.with_name("spool.db-wal").stat()
    for _ in range(100):
        hours.now += 1
        spool.commit([], [])
    assert path.with_name("spool.db-wal").stat() == before
    spool.close()


def test_a_spool_of_before_there_were_ranks_is_taken_over_with_all_it_holds(path: Path) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(
        "CREATE TABLE event (epoch INTEGER NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL,"
        " payload BLOB NOT NULL, PRIMARY KEY (epoch, seq)) WITHOUT ROWID"
    )
    db.executemany("INSERT INTO event VALUES (?, ?, ?, ?)", [row(seq) for seq in range(1, 4)])
    db.close()
    for _ in range(2):
        spool = Spool(path)
        assert [one.seq for one in spool.after((-1, -1), 9)] == [1, 2, 3]
        assert spool.commit([], []).dropped == []
        assert spool.counts == [0, 0, 3]
        spool.close()


def test_the_same_event_is_kept_once(path: Path) -> None:
    spool = Spool(path)
    spool.commit([row(1), row(1)], [])
    assert (spool.count, spool.bytes) == (1, 10)
    spool.close()


def test_pages_follow_one_another(path: Path) -> None:
    spool = Spool(path)
    spool.commit([row(seq, epoch=epoch) for epoch in (1, 2) for seq in range(1, 6)], [])
    first = spool.after((-1, -1), 7)
    assert [one.key for one in spool.after(first[-1].key, 7)] == [(2, 3), (2, 4), (2, 5)]
    assert spool.after((2, 5), 7) == []
    spool.close()


def test_a_commit_is_synced_to_the_disk(path: Path) -> None:
    spool = Spool(path)
    assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
    spool.close()


@pytest.mark.parametrize("garbage", [b"not a database, and long enough to be looked at" * 100, b"\x00" * 4096])
def test_a_damaged_spool_is_set_aside_and_a_new_one_begun(path: Path, garbage: bytes) -> None:
    path.write_bytes(garbage)
    spool = Spool(path)
    spool.commit([row(1)], [])
    assert spool.count == 1
    spool.close()
    if garbage.startswith(b"not"):
        assert path.with_suffix(".damaged").read_bytes() == garbage


def test_a_commit_that_fails_has_done_nothing(path: Path) -> None:
    spool = Spool(path)
    spool.commit([row(1)], [])
    with pytest.raises(sqlite3.Error):
        spool.commit([row(2), Row(1, 3, "topic", None)], [(1, 1)])  # type: ignore[arg-type]
    assert [one.seq for one in spool.after((-1, -1), 9)] == [1]
    assert spool.commit([row(2)], []).removed == []
    assert spool.count == 2
    spool.close()


# The courier


def test_an_event_without_an_acknowledgement_is_sent_again_and_each_time_later() -> None:
    courier = Courier()
    courier.sent(row(1), now=0.0)
    assert courier.deadline == PATIENCE
    assert courier.due(PATIENCE - 0.1) == []
    now, waits = 0.0, []
    for _ in range(6):
        assert courier.deadline is not None
        waits.append(courier.deadline - now)
        now = courier.deadline
        assert courier.due(now) == [row(1)]
    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_an_acknowledged_event_is_not_sent_again() -> None:
    courier = Courier()
    courier.sent(row(1), now=0.0)
    courier.arrived((1, 1))
    courier.arrived((1, 1))
    assert (courier.deadline, courier.due(100.0), courier.room) == (None, [], WINDOW)


def test_a_new_connection_begins_at_the_oldest() -> None:
    courier = Courier()
    courier.behind = False
    courier.sent(row(5), now=0.0)
    assert courier.cursor == (1, 5)
    courier.restart()
    assert (courier.behind, courier.cursor, courier.room) == (True, (-1, -1), 1)


def test_one_event_goes_alone_until_a_gateway_has_said_that_it_has_one() -> None:
    courier = Courier()
    for _ in range(2):
        assert courier.room == 1
        courier.sent(row(1), now=0.0)
        assert courier.room == 0
        courier.arrived((1, 1))
        assert courier.room == WINDOW
        courier.restart()


def test_one_that_was_given_up_here_says_nothing_of_a_gateway() -> None:
    courier = Courier()
    courier.sent(row(1), now=0.0)
    courier.dropped((1, 1))
    assert (courier.room, courier.deadline) == (1, None)


def test_while_nothing_is_acknowledged_each_wait_in_vain_sends_twice_as_many_from_the_oldest_on() -> None:
    courier = Courier()
    courier.sent(row(1), now=0.0)
    now, sent = 0.0, [[1]]
    while len(sent[-1]) < WINDOW:
        assert courier.deadline is not None
        now += PATIENCE
        assert courier.deadline == now, "what came last waits the shortest, and has the others come with it"
        burst = [each.seq for each in courier.due(now)]
        assert burst == sent[-1], "all of it, in order"
        for _ in range(courier.room):
            burst.append(burst[-1] + 1)
            courier.sent(row(burst[-1]), now)
        sent.append(burst)
    assert [len(burst) for burst in sent] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert now == 8 * PATIENCE


@given(st.lists(st.integers(1, 400), unique=True, max_size=400))
def test_what_is_under_way_is_what_was_sent_less_what_arrived(arrived: list[int]) -> None:
    courier = Courier()
    courier.arrived((0, 1))
    for seq in range(1, WINDOW + 1):
        courier.sent(row(seq), now=0.0)
    assert courier.room == 0
    for seq in arrived:
        courier.arrived((1, seq))
    left = [seq for seq in range(1, WINDOW + 1) if seq not in arrived]
    assert [one.seq for one in courier.due(1000.0)] == left

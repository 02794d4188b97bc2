# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.spool, and mesh.delivery's rule of what is sent when."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.delivery import PATIENCE, WINDOW, Courier
from ganglion.mesh.spool import Row, Spool


def row(seq: int, *, epoch: int = 1, size: int = 10) -> Row:
    return Row(epoch, seq, "gl1/m/n/x/e/alert", bytes(size))


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
    assert done.dropped == [(1, 1), (1, 2)]
    assert ([one.seq for one in spool.after((-1, -1), 9)], spool.bytes) == ([3, 4, 5], 90)
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
    assert (courier.behind, courier.cursor, courier.room) == (True, (-1, -1), WINDOW)


@given(st.lists(st.integers(1, 400), unique=True, max_size=400))
def test_what_is_under_way_is_what_was_sent_less_what_arrived(arrived: list[int]) -> None:
    courier = Courier()
    for seq in range(1, WINDOW + 1):
        courier.sent(row(seq), now=0.0)
    assert courier.room == 0
    for seq in arrived:
        courier.arrived((1, seq))
    left = [seq for seq in range(1, WINDOW + 1) if seq not in arrived]
    assert [one.seq for one in courier.due(1000.0)] == left

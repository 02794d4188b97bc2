# SPDX-License-Identifier: GPL-3.0-or-later
"""What must arrive, on the disk until the gateway has it: sealed events in SQLite, oldest first, within two bounds.

Over the bytes, what matters least goes first, and of that the oldest. Over the age, everything goes that has waited so
long while the node ran: neither a night in a drawer nor a clock that somebody sets makes an event old.

WAL with `synchronous=FULL`: a commit is an fsync, so what is committed survives a power cut and not only a killed
process. An fsync takes 30 ms and more on an SD card, which is why nothing here runs on the event loop: the caller
owns one thread for it and commits what came meanwhile in one go.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from ganglion.mesh.database import opened, transaction

#: Bytes of payload that are kept; 64 MB is 200,000 alerts.
DEFAULT_BYTES = 64 * 1024 * 1024
#: Seconds of running that an event is kept: 7 days.
DEFAULT_AGE = 7 * 86400
#: Seconds between two notes of how long the node has run.
_NOTE = 3600

#: An event's place: epoch and sequence of class D. Sorted, it is the order in which events were made.
Key = tuple[int, int]


class Rank(IntEnum):
    """How much an event matters when not all of them can be kept."""

    RECORD = 0  # what a run did, for who looks later; by far the most bytes
    EVENT = 1
    ALERT = 2  # what somebody must be told


_RANKS = {"alert": Rank.ALERT, "episode": Rank.RECORD, "guardian": Rank.RECORD, "log": Rank.RECORD}


class Row(NamedTuple):
    """One sealed event."""

    epoch: int
    seq: int
    topic: str
    payload: bytes

    @property
    def key(self) -> Key:
        """Epoch and sequence."""
        return (self.epoch, self.seq)

    @property
    def rank(self) -> Rank:
        """By its class, the last level of its topic."""
        return _RANKS.get(self.topic.rpartition("/")[2], Rank.EVENT)


class Dropped(NamedTuple):
    """An event that was given up.

    Attributes:
        is_old: It waited too long; else there was no room for it.
    """

    key: Key
    rank: Rank
    is_old: bool


class Committed(NamedTuple):
    """What a commit did: keys that were removed because they arrived, and events that were dropped."""

    removed: list[Key]
    dropped: list[Dropped]


class Spool:
    """The table. One thread at a time.

    Args:
        path: The database; one that is damaged is set aside and a new one begun.
        limit: Bytes of payload.
        age: Seconds of running that an event is kept.
        monotonic: Seconds that go on evenly.

    Attributes:
        counts: Events, by rank.
        bytes: Of their payload.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit: int = DEFAULT_BYTES,
        age: float = DEFAULT_AGE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._age = age
        self._monotonic = monotonic
        self._db = opened(path, _prepare, lost="what it held is lost")
        self.counts = [0] * len(Rank)
        self.bytes = 0
        for rank, count, size in self._db.execute(
            "SELECT rank, count(*), sum(length(payload)) FROM event GROUP BY rank"
        ):
            self.counts[rank] = count
            self.bytes += size
        last = self._db.execute("SELECT ran FROM event ORDER BY epoch DESC, seq DESC LIMIT 1").fetchone()
        self._noted = self._db.execute("SELECT ran FROM life").fetchone()[0]
        self._ran = max(self._noted, last[0] if last else 0) - monotonic()

    @property
    def count(self) -> int:
        """Events of every rank."""
        return sum(self.counts)

    def commit(self, rows: Iterable[Row], arrived: Iterable[Key]) -> Committed:
        """Adds rows, removes what arrived, drops what is too old or too much: one transaction, one fsync.

        Raises:
            sqlite3.Error: the disk is full or broken; nothing of it was done.
        """
        ran = int(self._ran + self._monotonic())
        counts, size = list(self.counts), self.bytes
        removed: list[Key] = []
        dropped: list[Dropped] = []
        db = self._db
        with transaction(db):
            for row in rows:
                if db.execute(
                    "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (*row, row.rank, ran)
                ).rowcount:
                    counts[row.rank] += 1
                    size += len(row.payload)
            for key in arrived:
                if found := db.execute(
                    "SELECT rank, length(payload) FROM event WHERE epoch = ? AND seq = ?", key
                ).fetchone():
                    db.execute("DELETE FROM event WHERE epoch = ? AND seq = ?", key)
                    counts[found[0]] -= 1
                    size -= found[1]
                    removed.append(key)
            while (lost := self._lost(size, ran)) is not None:
                one, length = lost
                db.execute("DELETE FROM event WHERE epoch = ? AND seq = ?", one.key)
                counts[one.rank] -= 1
                size -= length
                dropped.append(one)
            noted = ran if sum(counts) and ran >= self._noted + _NOTE else self._noted
            if noted != self._noted:
                db.execute("UPDATE life SET ran = ?", (noted,))
        self.counts, self.bytes, self._noted = counts, size, noted
        return Committed(removed, dropped)

    def _lost(self, size: int, ran: int) -> tuple[Dropped, int] | None:
        """What is to be dropped next, and its bytes; None when everything can stay."""
        if size > self._limit:
            order, is_old = "rank, epoch, seq", False
        else:
            order, is_old = "epoch, seq", True
        found = self._db.execute(
            f"SELECT epoch, seq, rank, length(payload), ran FROM event ORDER BY {order} LIMIT 1"  # noqa: S608 - ours
        ).fetchone()
        if found is None or (is_old and ran - found[4] <= self._age):
            return None
        return Dropped((found[0], found[1]), Rank(found[2]), is_old), found[3]

    def after(self, key: Key, limit: int) -> list[Row]:
        """The next rows in order."""
        found = self._db.execute(
            "SELECT epoch, seq, topic, payload FROM event WHERE (epoch, seq) > (?, ?) ORDER BY epoch, seq LIMIT ?",
            (*key, limit),
        )
        return [Row(*row) for row in found]

    def upto(self, epoch: int) -> list[Key]:
        """The events of this epoch and of those before."""
        found = self._db.execute("SELECT epoch, seq FROM event WHERE epoch <= ? ORDER BY epoch, seq", (epoch,))
        return [(row[0], row[1]) for row in found]

    def close(self) -> None:
        """Closes the database."""
        self._db.close()


def _prepare(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] < 1:
        _make(db)
    db.execute("SELECT epoch FROM event LIMIT 1").fetchone()


def _make(db: sqlite3.Connection) -> None:
    """The tables, in one transaction; those of before ranks and ages are taken over with all that they hold."""
    with transaction(db):
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'event'").fetchone():
            db.execute(f"ALTER TABLE event ADD COLUMN rank INTEGER NOT NULL DEFAULT {int(Rank.EVENT)}")
            db.execute("ALTER TABLE event ADD COLUMN ran INTEGER NOT NULL DEFAULT 0")
            for cls, rank in _RANKS.items():
                db.execute("UPDATE event SET rank = ? WHERE topic LIKE '%/e/' || ?", (int(rank), cls))
        else:
            db.execute(
                "CREATE TABLE event (epoch INTEGER NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL,"
                " payload BLOB NOT NULL, rank INTEGER NOT NULL, ran INTEGER NOT NULL, PRIMARY KEY (epoch, seq))"
                " WITHOUT ROWID"
            )
        db.execute("CREATE INDEX event_rank ON event (rank, epoch, seq)")
        db.execute("CREATE TABLE life (ran INTEGER NOT NULL)")  # seconds that the node has run with this spool
        db.execute("INSERT INTO life VALUES (0)")
        db.execute("PRAGMA user_version = 1")

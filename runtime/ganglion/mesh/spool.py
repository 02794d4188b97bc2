# SPDX-License-Identifier: GPL-3.0-or-later
"""What must arrive, on the disk until the gateway has it: sealed events in SQLite, oldest first, within a bound.

WAL with `synchronous=FULL`: a commit is an fsync, so what is committed survives a power cut and not only a killed
process. An fsync takes 30 ms and more on an SD card, which is why nothing here runs on the event loop: the caller
owns one thread for it and commits what came meanwhile in one go.
"""

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_log = logging.getLogger(__name__)

#: Bytes of payload that are kept; 64 MB is 200,000 alerts.
DEFAULT_BYTES = 64 * 1024 * 1024

#: An event's place: epoch and sequence of class D. Sorted, it is the order in which events were made.
Key = tuple[int, int]


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


class Committed(NamedTuple):
    """What a commit did: keys that were removed because they arrived, and keys that were dropped for room."""

    removed: list[Key]
    dropped: list[Key]


class Spool:
    """The table. One thread at a time.

    Args:
        path: The database; one that is damaged is set aside and a new one begun.
        limit: Bytes of payload.
    """

    def __init__(self, path: Path, *, limit: int = DEFAULT_BYTES) -> None:
        self._limit = limit
        try:
            self._db = self._open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # no room, no permission: another file would fare no better
            aside = path.with_suffix(".damaged")
            _log.error("%s is damaged (%s): set aside as %s, what it held is lost.", path, error, aside.name)
            path.replace(aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._db = self._open(path)
        row = self._db.execute("SELECT count(*), coalesce(sum(length(payload)), 0) FROM event").fetchone()
        self.count: int = row[0]
        self.bytes: int = row[1]

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS event (epoch INTEGER NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL,"
                " payload BLOB NOT NULL, PRIMARY KEY (epoch, seq)) WITHOUT ROWID"
            )
            db.execute("SELECT epoch FROM event LIMIT 1").fetchone()
        except BaseException:
            db.close()
            raise
        return db

    def commit(self, rows: Iterable[Row], arrived: Iterable[Key]) -> Committed:
        """Adds rows, removes what arrived, drops the oldest over the bound: one transaction, one fsync.

        Raises:
            sqlite3.Error: the disk is full or broken; nothing of it was done.
        """
        count, size = self.count, self.bytes
        removed: list[Key] = []
        dropped: list[Key] = []
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for row in rows:
                if db.execute("INSERT INTO event VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount:
                    count, size = count + 1, size + len(row.payload)
            for key in arrived:
                found = db.execute("SELECT length(payload) FROM event WHERE epoch = ? AND seq = ?", key).fetchone()
                if found:
                    db.execute("DELETE FROM event WHERE epoch = ? AND seq = ?", key)
                    count, size = count - 1, size - found[0]
                    removed.append(key)
            while size > self._limit:
                epoch, seq, length = db.execute(
                    "SELECT epoch, seq, length(payload) FROM event ORDER BY epoch, seq LIMIT 1"
                ).fetchone()
                db.execute("DELETE FROM event WHERE epoch = ? AND seq = ?", (epoch, seq))
                count, size = count - 1, size - length
                dropped.append((epoch, seq))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self.count, self.bytes = count, size
        return Committed(removed, dropped)

    def after(self, key: Key, limit: int) -> list[Row]:
        """The next rows in order."""
        found = self._db.execute(
            "SELECT epoch, seq, topic, payload FROM event WHERE (epoch, seq) > (?, ?) ORDER BY epoch, seq LIMIT ?",
            (*key, limit),
        )
        return [Row(*row) for row in found]

    def close(self) -> None:
        """Closes the database."""
        self._db.close()

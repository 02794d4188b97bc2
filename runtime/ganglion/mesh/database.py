# SPDX-License-Identifier: GPL-3.0-or-later
"""SQLite files of a member that survive a power cut: opened, set aside where they are damaged, written as a whole.

WAL with `synchronous=FULL`: a commit is an fsync, so what is committed is on the disk. One thread at a time.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_log = logging.getLogger(__name__)


def opened(path: Path, prepare: Callable[[sqlite3.Connection], None], *, lost: str) -> sqlite3.Connection:
    """The database; one that is damaged is set aside and a new one begun.

    Args:
        prepare: Makes the tables where they are missing, and reads of one, so that damage is seen here.
        lost: What the log says of what a damaged one held.

    Raises:
        sqlite3.OperationalError: no room, no permission: another file would fare no better.
    """
    try:
        return _open(path, prepare)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        aside = path.with_suffix(".damaged")
        _log.error("%s is damaged (%s): set aside as %s, %s.", path, error, aside.name, lost)
        path.replace(aside)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path, prepare)


def _open(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        prepare(db)
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing: one transaction, one fsync."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise

# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions in a file of SQLite, which processes of one machine may share.

WAL with `synchronous=NORMAL`: a killed process loses nothing, a power cut at most the last moments. The connection is
in a thread of its own, as the disk may take its time.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ganglion.errors import InvalidError, UnreachableError
from ganglion.mova.ports import Time
from ganglion.mova.session.fields import MAX_TTL, Fields, data, merged, named
from ganglion.units import SECOND
from ganglion.worker import Worker

T = TypeVar("T")

#: Seconds to wait for another process that writes.
_PATIENCE = 5.0


class SQLiteStore:
    """`ganglion.mova.ports.SessionStore` in a file; made with its folder, for its owner alone, when it is first used.

    Args:
        path: The file.
        clock: What the time is.
    """

    def __init__(self, path: Path, clock: Time) -> None:
        self._path = path
        self._now = clock.now
        self._worker = Worker("sessions")
        self._db: sqlite3.Connection | None = None

    async def load(self, session_id: str) -> dict[str, Any] | None:
        named(session_id)
        fields = await self._call(lambda db: self._fields(db, session_id))
        return None if fields is None else data(fields)

    async def save(self, session_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], ttl: int) -> None:
        named(session_id)

        def write(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            try:
                fields = merged(self._fields(db, session_id), before, after)
                now = self._now()
                row = (session_id, json.dumps(fields, ensure_ascii=False), now + min(ttl, MAX_TTL) * SECOND)
                db.execute("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", row)
                db.execute("DELETE FROM session WHERE expires <= ?", (now,))
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

        await self._call(write)

    async def delete(self, session_id: str) -> bool:
        named(session_id)
        sql = "DELETE FROM session WHERE id = ? RETURNING expires"
        row = await self._call(lambda db: db.execute(sql, (session_id,)).fetchone())
        return row is not None and row[0] > self._now()

    async def ids(self) -> list[str]:
        sql = "SELECT id FROM session WHERE expires > ? ORDER BY id"
        rows = await self._call(lambda db: db.execute(sql, (self._now(),)).fetchall())
        return [row[0] for row in rows]

    async def aclose(self) -> None:
        if self._db is not None:
            await self._worker.call(self._db.close)
            self._db = None
        self._worker.stop()

    def _fields(self, db: sqlite3.Connection, session_id: str) -> Fields | None:
        sql = "SELECT data FROM session WHERE id = ? AND expires > ?"
        row = db.execute(sql, (session_id, self._now())).fetchone()
        return None if row is None else json.loads(row[0])

    async def _call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        def call() -> T:
            if self._db is None:
                self._db = self._open()
            return function(self._db)

        try:
            return await self._worker.call(call)
        except sqlite3.OperationalError as error:
            raise UnreachableError(f"{self._path}: the sessions cannot be reached: {error}") from None
        except sqlite3.DatabaseError as error:
            raise InvalidError(f"the file holds no sessions: {error}", where=str(self._path)) from None
        except OSError as error:
            raise UnreachableError(f"{self._path}: the sessions cannot be reached: {error.strerror}") from None

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.fchmod(file, 0o600)  # SQLite gives the same to the files beside it
        finally:
            os.close(file)
        db = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS session"
                " (id TEXT PRIMARY KEY, data TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID"
            )
            db.execute("CREATE INDEX IF NOT EXISTS session_expires ON session (expires)")
        except BaseException:
            db.close()
            raise
        return db

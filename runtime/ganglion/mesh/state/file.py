# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica's entries on the disk, in a file of its own.

WAL with `synchronous=FULL`: what is committed survives a power cut. One thread at a time, and not the event loop's,
since a commit is an fsync. What is lost with a file that breaks comes back from the other nodes.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ganglion.mesh.database import opened, transaction
from ganglion.mesh.state.replica import Unsaved

_NONE: Mapping[bytes, bytes | None] = {}


class Kept(NamedTuple):
    """What `Replica.restore` takes."""

    entries: list[bytes]
    seen: dict[bytes, int]


class StateFile:
    """The tables: entries, up to where each author was seen, and the authors' credentials.

    Args:
        path: The database; one that is damaged is set aside and a new one begun.
    """

    def __init__(self, path: Path) -> None:
        self._db = opened(path, _prepare, lost="other nodes have what it held")

    def load(self) -> Kept:
        """Everything that is kept.

        Raises:
            sqlite3.Error: the disk is broken.
        """
        entries = [data for (data,) in self._db.execute("SELECT data FROM entry")]
        # A dot has 64 bits, an integer of SQLite has 63
        seen = {kid: int.from_bytes(dot, "big") for kid, dot in self._db.execute("SELECT kid, seen FROM author")}
        return Kept(entries, seen)

    def credentials(self) -> dict[bytes, bytes]:
        """Those of authors, by key id.

        Raises:
            sqlite3.Error: the disk is broken.
        """
        return dict(self._db.execute("SELECT kid, data FROM credential"))

    def commit(self, unsaved: Unsaved, credentials: Mapping[bytes, bytes | None] = _NONE) -> None:
        """Writes what changed: one transaction, one fsync. What could not be written is to come before what is next.

        Args:
            credentials: By key id those that are new, or None where one is forgotten.

        Raises:
            sqlite3.Error: the disk is full or broken; nothing of it was done.
        """
        db = self._db
        with transaction(db):
            for identity, data in unsaved.entries.items():
                if data is None:
                    db.execute("DELETE FROM entry WHERE id = ?", (identity,))
                else:
                    db.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (identity, data))
            for kid, dot in unsaved.seen.items():
                if dot:
                    db.execute("INSERT OR REPLACE INTO author VALUES (?, ?)", (kid, dot.to_bytes(8, "big")))
                else:
                    db.execute("DELETE FROM author WHERE kid = ?", (kid,))
            for kid, credential in credentials.items():
                if credential is None:
                    db.execute("DELETE FROM credential WHERE kid = ?", (kid,))
                else:
                    db.execute("INSERT OR REPLACE INTO credential VALUES (?, ?)", (kid, credential))

    def close(self) -> None:
        """Closes the database."""
        self._db.close()


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS entry (id BLOB PRIMARY KEY, data BLOB NOT NULL)")
    db.execute("CREATE TABLE IF NOT EXISTS author (kid BLOB PRIMARY KEY, seen BLOB NOT NULL) WITHOUT ROWID")
    db.execute("CREATE TABLE IF NOT EXISTS credential (kid BLOB PRIMARY KEY, data BLOB NOT NULL)")
    db.execute("SELECT id FROM entry LIMIT 1").fetchone()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's database: opened and brought to the newest revision, read by many, written by one."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Executable, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ganglion_gateway.store.writer import Work, Writer

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_SECONDS = 10
#: Connections that read at the same time; each is a thread.
_READERS = 4

Row = dict[str, Any]
T = TypeVar("T")


class Database:
    """Made by `open_`.

    Attributes:
        writer: All writes.
    """

    def __init__(self, writes: AsyncEngine, reads: AsyncEngine) -> None:
        self._writes = writes
        self._reads = reads
        self.writer = Writer(writes)

    @classmethod
    @asynccontextmanager
    async def open_(cls, path: Path) -> AsyncIterator["Database"]:
        """The database in a file, made where there is none; closed when the block ends, after the last commit."""
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        url = f"sqlite+aiosqlite:///{path}"
        writes = create_async_engine(url, pool_size=1, max_overflow=0)
        reads = create_async_engine(url, pool_size=_READERS, max_overflow=0, isolation_level="AUTOCOMMIT")
        _prepare(writes, write=True)
        _prepare(reads, write=False)
        database = cls(writes, reads)
        try:
            await database.migrate()
            running = asyncio.create_task(database.writer.run(), name="database writer")
            try:
                yield database
            finally:
                database.writer.close()
                await running
        finally:
            await reads.dispose()
            await writes.dispose()

    async def migrate(self) -> None:
        """Brings the tables to the newest revision, in one transaction."""
        async with self._writes.begin() as connection:
            await connection.run_sync(_upgrade)

    async def write(self, work: Work[T], *, patient: bool = False) -> T:
        """See `Writer.write`."""
        return await self.writer.write(work, patient=patient)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads; every statement sees what is committed then."""
        async with self._reads.connect() as connection:
            yield connection

    async def all(self, statement: Executable) -> list[Row]:
        """The rows of a query."""
        async with self.reading() as connection:
            return [dict(row._mapping) for row in await connection.execute(statement)]

    async def one(self, statement: Executable) -> Row | None:
        """The first row of a query, or None."""
        async with self.reading() as connection:
            row = (await connection.execute(statement)).first()
        return None if row is None else dict(row._mapping)

    async def scalar(self, statement: Executable) -> Any:
        """The first value of the first row, or None."""
        async with self.reading() as connection:
            return (await connection.execute(statement)).scalar()


Insert = sqlite.Insert | postgresql.Insert


def _insert(connection: AsyncConnection, table: Table) -> Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_new(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that leaves rows alone whose key is taken."""
    return _insert(connection, table).on_conflict_do_nothing()


def insert_or_update(connection: AsyncConnection, table: Table, key: Sequence[str], keep: Sequence[str] = ()) -> Insert:
    """An INSERT that updates the row whose key is taken, except for the columns to keep."""
    statement = _insert(connection, table)
    changed = {
        column.key: statement.excluded[column.key] for column in table.columns if column.key not in {*key, *keep}
    }
    return statement.on_conflict_do_update(index_elements=[table.c[name] for name in key], set_=changed)


def _prepare(engine: AsyncEngine, *, write: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: `begun` does
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_LOCK_SECONDS * 1000}")
        if write:
            cursor.execute("PRAGMA journal_mode = WAL")
            # An acknowledged event is deleted by its node, so a commit must be on the disk, not on its way there.
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")
        else:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    if write:

        @event.listens_for(engine.sync_engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def config() -> Config:
    """Alembic's configuration, without a file."""
    settings = Config()
    settings.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


def _upgrade(connection: Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def secure(path: Path) -> None:
    """Makes a folder that only its owner may look into."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(path, 0o700)

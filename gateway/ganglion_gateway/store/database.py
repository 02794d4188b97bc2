# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's database: opened and brought to the newest revision, read by many, written by one."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Executable, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, UnreachableError
from ganglion_gateway.store import revisions
from ganglion_gateway.store.engines import Engines, engines
from ganglion_gateway.store.url import SQLITE, DatabaseUrl
from ganglion_gateway.store.writer import Work, Writer

if TYPE_CHECKING:
    from alembic.config import Config

Row = dict[str, Any]
T = TypeVar("T")


class Database:
    """Made by `open_`.

    Attributes:
        url: Where it is.
        writer: All writes, but for those of readings.
        readings: Theirs; the same one on SQLite.
    """

    def __init__(self, url: DatabaseUrl, connections: Engines) -> None:
        self.url = url
        self._writes = connections.writes
        self._reads = connections.reads
        self._migrations = connections.migrations
        self.writer = Writer(connections.writes)
        self.readings = self.writer if connections.readings is None else Writer(connections.readings)

    @classmethod
    @asynccontextmanager
    async def open_(cls, where: Path | DatabaseUrl) -> AsyncIterator["Database"]:
        """The database in a file or behind a URL; closed when the block ends, after the last commit.

        SQLite's file is made where there is none; PostgreSQL's database must be there. The tables are brought to the
        newest revision.

        Raises:
            UnreachableError: PostgreSQL does not answer, or lets nobody in under this account.
            InvalidError: the database cannot hold what is to be stored.
        """
        url = DatabaseUrl.file(where) if isinstance(where, Path) else where
        connections = engines(url)
        database = cls(url, connections)
        try:
            await database._check()
            await database.migrate()
            writers = {database.writer, database.readings}
            running = [asyncio.create_task(writer.run(), name="database writer") for writer in writers]
            try:
                yield database
            finally:
                for writer in writers:
                    writer.close()
                await asyncio.gather(*running)
        finally:
            await connections.dispose()

    @property
    def shared(self) -> bool:
        """Whether other gateways may use it, too."""
        return self.url.kind != SQLITE

    async def _check(self) -> None:
        if not self.shared:
            return
        try:
            encoding = await self.scalar(text("SELECT current_setting('server_encoding')"))
        except OperationalError as error:
            said = str(error.orig).strip().splitlines() or ["no answer"]
            raise UnreachableError(f"the database {self.url} cannot be used: {said[0]}") from None
        if encoding != "UTF8":
            raise InvalidError(
                f"the database {self.url} is of the encoding {encoding}: make one by `createdb -E UTF8 -T template0`"
            )

    async def migrate(self) -> None:
        """Brings the tables to the newest revision, in one transaction."""
        async with self._migrations.begin() as connection:
            await revisions.upgrade(connection, revisions.known()[-1])

    async def revise(self, change: "Callable[[Config], None]") -> None:
        """Has Alembic change the tables, in one transaction: see `revisions.revise`."""
        async with self._migrations.begin() as connection:
            await revisions.revise(connection, change)

    async def write(self, work: Work[T], *, patient: bool = False) -> T:
        """See `Writer.write`."""
        return await self.writer.write(work, patient=patient)

    async def write_readings(self, work: Work[T]) -> T:
        """Has readings stored or deleted, and nothing else: others may write at the same time. See `Writer.write`."""
        return await self.readings.write(work, patient=True)

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


def why(error: BaseException) -> str:
    """What ails the database, in one line for the log: neither the statement nor what was to be stored by it.

    PostgreSQL repeats the row in the lines after the first.
    """
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return said[0] if said else type(error).__name__


Insert = sqlite.Insert | postgresql.Insert


def _insert(connection: AsyncConnection, table: Table) -> Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_new(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that leaves rows alone whose key is taken."""
    return _insert(connection, table).on_conflict_do_nothing()


async def added(connection: AsyncConnection, table: Table, row: Row) -> bool:
    """Inserts a row unless its key is taken; says whether it did. A count of rows would not say it on PostgreSQL."""
    statement = insert_new(connection, table).values(row).returning(*table.primary_key.columns)
    return (await connection.execute(statement)).first() is not None


def insert_or_update(connection: AsyncConnection, table: Table, key: Sequence[str], keep: Sequence[str] = ()) -> Insert:
    """An INSERT that updates the row whose key is taken, except for the columns to keep."""
    statement = _insert(connection, table)
    changed = {
        column.key: statement.excluded[column.key] for column in table.columns if column.key not in {*key, *keep}
    }
    return statement.on_conflict_do_update(index_elements=[table.c[name] for name in key], set_=changed)


def secure(path: Path) -> None:
    """Makes a folder that only its owner may look into."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(path, 0o700)

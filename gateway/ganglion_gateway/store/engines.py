# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to the database: those that write and some that read, to SQLite or to PostgreSQL.

Whoever writes, writes alone, but for readings on PostgreSQL. SQLite has it so; on PostgreSQL a transaction begins by
taking a lock that all gateways share. So a piece of work that reads and then writes is right with two gateways as it is
with one, and numbers are committed in the order in which they were given, without which a reader that goes on from the
last number would miss some. Readings have no number that anybody follows, and no transaction decides by them, but they
are most of what is written: there they go by a connection of their own, which nobody waits for.

Errors do not repeat what was to be stored (`hide_parameters`): they are logged, and among it are secrets.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from ganglion_gateway.store.url import SQLITE, DatabaseUrl

#: Seconds that one who writes waits for the one who does.
LOCK_SECONDS = 10
#: Seconds after which PostgreSQL ends a transaction of a gateway that has stopped in the middle of it.
_STOPPED = 5
#: Connections that read at the same time; to SQLite each is a thread.
_READERS = 4
#: The lock of whoever writes: `ganglion` in ASCII.
_LOCK = int.from_bytes(b"ganglion", "big")
#: Waits until nobody else writes, and has others wait until the transaction ends.
TURN = f"SELECT pg_advisory_xact_lock({_LOCK})"
#: PostgreSQL's classes of what a transaction may be tried again after: 40 (it was in another's way), 08 (the
#: connection is gone), 57P0 (the server stops), and a lock that did not come.
_AGAIN = ("40", "08", "57P0", "55P03", "25P03")
#: TCP: a gateway that is gone without a word is noticed after half a minute.
_KEEPALIVES = {"tcp_keepalives_idle": 15, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"


class Engines(NamedTuple):
    """The connections of one database.

    Attributes:
        writes: One, which begins its transactions as the only writer.
        readings: One for them, which does not; None where there can be one writer.
        reads: Some, each statement of which sees what is committed then; they cannot write.
        migrations: One that writes and is closed after its transaction. SQLite enforces no foreign keys there: it
            makes a table anew to change it, and what pointed to the old one would go with it.
    """

    writes: AsyncEngine
    readings: AsyncEngine | None
    reads: AsyncEngine
    migrations: AsyncEngine

    async def dispose(self) -> None:
        """Closes all of them."""
        for engine in self:
            if engine is not None:
                await engine.dispose()


def engines(url: DatabaseUrl) -> Engines:
    """Engines for a database; nothing is connected yet. SQLite's file is made where there is none."""
    return _sqlite(url) if url.kind == SQLITE else _postgresql(url)


@asynccontextmanager
async def snapshot(url: DatabaseUrl) -> AsyncIterator[AsyncConnection]:
    """A connection that reads what is committed now, and goes on reading that while others write."""
    if url.kind == SQLITE:
        engine = create_async_engine(f"sqlite+aiosqlite:///{url.path}", poolclass=NullPool, hide_parameters=True)
        _prepare_sqlite(engine, write=False)

        @event.listens_for(engine.sync_engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")
    else:
        settings = {"default_transaction_read_only": "on"}
        engine = postgresql_engine(url, settings, poolclass=NullPool, isolation_level="REPEATABLE READ")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def may_be_repeated(error: BaseException) -> bool:
    """Whether a transaction that failed so before its commit may succeed if it is tried again."""
    if not isinstance(error, DBAPIError):
        return False
    if not hasattr(error.orig, "sqlstate"):
        return False  # SQLite's, which has waited for its lock already
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None:  # the client's own word: the server cannot be reached, or has gone
        return error.connection_invalidated or isinstance(error, OperationalError)
    return state.startswith(_AGAIN)


def _sqlite(url: DatabaseUrl) -> Engines:
    assert url.path is not None
    os.close(os.open(url.path, os.O_CREAT | os.O_RDWR, 0o600))
    address = f"sqlite+aiosqlite:///{url.path}"
    writes = create_async_engine(address, pool_size=1, max_overflow=0, hide_parameters=True)
    reads = create_async_engine(
        address, pool_size=_READERS, max_overflow=0, isolation_level="AUTOCOMMIT", hide_parameters=True
    )
    migrations = create_async_engine(address, poolclass=NullPool, hide_parameters=True)
    _prepare_sqlite(writes, write=True)
    _prepare_sqlite(reads, write=False)
    _prepare_sqlite(migrations, write=True, enforce=False)
    return Engines(writes, None, reads, migrations)


def _prepare_sqlite(engine: AsyncEngine, *, write: bool, enforce: bool = True) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: `begun` does
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}")
        if write:
            cursor.execute("PRAGMA journal_mode = WAL")
            # An acknowledged event is deleted by its node, so a commit must be on the disk, not on its way there.
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute(f"PRAGMA foreign_keys = {'ON' if enforce else 'OFF'}")
        else:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    if write:

        @event.listens_for(engine.sync_engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(url: DatabaseUrl) -> Engines:
    patience = {"lock_timeout": f"{LOCK_SECONDS}s", "idle_in_transaction_session_timeout": f"{_STOPPED}s"}
    writes = postgresql_engine(url, patience, pool_size=1, max_overflow=0)
    readings = postgresql_engine(url, patience, pool_size=1, max_overflow=0)
    migrations = postgresql_engine(url, {}, poolclass=NullPool)
    reads = postgresql_engine(
        url,
        {"default_transaction_read_only": "on"},
        pool_size=_READERS,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
    )
    alone(writes)
    alone(migrations)
    return Engines(writes, readings, reads, migrations)


def alone(engine: AsyncEngine) -> None:
    """Has every transaction of an engine for PostgreSQL begin as the only one that writes."""

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(TURN)


def postgresql_engine(url: DatabaseUrl, settings: dict[str, str], **options: Any) -> AsyncEngine:
    """An engine for PostgreSQL whose connections have these settings of the server's."""
    import psycopg
    from psycopg.types.string import StrDumperUnknown

    class WithoutNul(StrDumperUnknown):
        """Text of PostgreSQL has no NUL, and that of members may: it becomes the sign for one."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\x00", "\u2400"))

    known = {"timezone": "UTC", **{name: str(value) for name, value in _KEEPALIVES.items()}, **settings}

    async def connect(*_: Any, **__: Any) -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection.connect(
            **url.connection(),
            application_name="ganglion-gateway",
            client_encoding="UTF8",
            options=" ".join(f"-c {name}={value}" for name, value in known.items()),
            autocommit=True,
        )
        try:
            # An acknowledged event is deleted by its node, so a commit must be on the disk, not on its way there.
            await connection.execute(_DURABLE)
            await connection.set_autocommit(False)
        except BaseException:  # whoever asked may have been cancelled
            await connection.close()
            raise
        connection.adapters.register_dumper(str, WithoutNul)
        return connection

    return create_async_engine("postgresql+psycopg_async://", async_creator=connect, hide_parameters=True, **options)

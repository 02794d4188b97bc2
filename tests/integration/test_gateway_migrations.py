# SPDX-License-Identifier: GPL-3.0-or-later
"""Each revision of the gateway's tables, up, down and up again, with rows in every table, on both databases.

Nothing here knows a table: a new revision is tested as it is written.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    select,
)

from ganglion_gateway import store
from ganglion_gateway.store.database import Database, config
from ganglion_gateway.store.tables import metadata
from ganglion_gateway.store.url import DatabaseUrl
from support.postgres import PostgresServer

#: The first first.
REVISIONS = [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()][::-1]
#: What belongs to Alembic.
ALEMBIC = "alembic_version"

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseUrl]:
    """A database that nobody has migrated."""
    if request.param == "sqlite":
        yield DatabaseUrl.file(tmp_path / "gateway.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.database()
    yield url
    server.drop(url)


def test_the_revisions_are_one_chain() -> None:
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


async def test_the_migrations_lead_to_the_tables_that_the_code_knows(store_url: DatabaseUrl) -> None:
    for module in pkgutil.iter_modules(store.__path__, f"{store.__name__}."):
        import_module(module.name)  # each may have tables

    def differences(connection: Connection) -> list[Any]:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with Database.open_(store_url) as database, database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_each_revision_goes_up_and_down_and_up_again_with_what_is_stored(empty: DatabaseUrl) -> None:
    async with Database.open_(empty) as database:
        await down(database, "base")
        assert await tables(database) == {}
        for before, revision in zip([None, *REVISIONS], REVISIONS, strict=False):
            await up(database, revision)
            there = await tables(database)
            await fill(database, there, revision)
            full = await stored(database, there)
            await down(database, before or "base")
            kept = await stored(database, await tables(database))
            assert like(full, kept) == kept, f"what {revision} does to rows that stay when it goes down"
            await up(database, revision)
            again = await stored(database, there)
            assert like(again, kept) == kept, f"what {revision} does to rows that were there"
            await fill(database, there, f"{revision}b")


async def up(database: Database, revision: str) -> None:
    await database.revise(lambda settings: command.upgrade(settings, revision))


async def down(database: Database, revision: str) -> None:
    await database.revise(lambda settings: command.downgrade(settings, revision))


async def tables(database: Database) -> dict[str, Table]:
    def reflect(connection: Connection) -> dict[str, Table]:
        known = MetaData()
        known.reflect(connection)
        return {table.name: table for table in known.sorted_tables if table.name != ALEMBIC}

    async with database.reading() as connection:
        return await connection.run_sync(reflect)


async def stored(database: Database, there: dict[str, Table]) -> Rows:
    """Every row, by table."""
    found = {name: await database.all(select(table)) for name, table in there.items()}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def like(rows: Rows, others: Rows) -> Rows:
    """The rows of the tables that the others have, with the columns that they have there."""
    found: Rows = {}
    for name, known in others.items():
        names = known[0] if known else {}
        found[name] = sorted(({key: row[key] for key in names} for row in rows[name]), key=repr)
    return found


async def fill(database: Database, there: dict[str, Table], word: str) -> None:
    """Two rows more in every table, each of which points to rows that are there."""
    for table in there.values():
        count = (await database.scalar(select(func.count()).select_from(table))) or 0
        pointed: dict[str, list[Any]] = {}
        for column in table.columns:
            for key in column.foreign_keys:
                used = {row["value"] for row in await database.all(select(column.label("value")))}
                targets = [row["value"] for row in await database.all(select(key.column.label("value")))]
                pointed[column.name] = sorted(
                    targets, key=lambda target, used=used: target in used
                )  # a pointer may be unique
        rows = [
            {
                column.name: pointed[column.name][i] if column.name in pointed else value(column, word, count + i)
                for column in table.columns
            }
            for i in range(2)
        ]
        await database.write(lambda connection, table=table, rows=rows: connection.execute(insert(table), rows))


def value(column: Column[Any], word: str, number: int) -> Any:
    kind = column.type
    if isinstance(kind, JSON):
        return [word, number, {"a": "я"}]
    if isinstance(kind, Boolean):
        return bool(number % 2)
    if isinstance(kind, Integer):
        return (1 << 30) + number + 1
    if isinstance(kind, Float):
        return number + 0.5
    if isinstance(kind, LargeBinary):
        return f"{word} {number}".encode()
    return f"{word}.{number}"

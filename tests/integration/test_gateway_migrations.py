# SPDX-License-Identifier: GPL-3.0-or-later
"""Each revision of the gateway's tables, up, down and up again, with rows in every table, on both databases.

Nothing here knows a table: a new revision is tested as it is written.
"""

import itertools
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from ganglion_gateway import store
from ganglion_gateway.store import revisions
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.tables import metadata
from ganglion_gateway.store.url import DatabaseUrl
from support.migrated import put
from support.postgres import PostgresServer
from support.rows import fill

#: The first first.
REVISIONS = [script.revision for script in ScriptDirectory.from_config(revisions.config()).walk_revisions()][::-1]

#: Opens the database in a file as a gateway does, with all that one imports.
_START = """
import asyncio, pathlib, sys
from ganglion_gateway.command import run
from ganglion_gateway.store.database import Database

async def start():
    async with Database.open_(pathlib.Path(sys.argv[1])):
        pass

asyncio.run(start())
print("loaded", [name for name in sys.modules if name.startswith("alembic")])
"""

_COUNT = itertools.count()
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
    assert len(ScriptDirectory.from_config(revisions.config()).get_heads()) == 1
    assert revisions.known() == REVISIONS


def test_a_start_on_the_newest_revision_loads_no_alembic(tmp_path: Path) -> None:
    put(tmp_path / "gateway.db")
    done = subprocess.run([sys.executable, "-c", _START, tmp_path / "gateway.db"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "loaded []\n", "")


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
        assert await stored(database) == {}
        full: Rows = {}
        for before, revision in zip([None, *REVISIONS], REVISIONS, strict=False):
            await up(database, revision)
            assert like(await stored(database), full) == full, f"what {revision} does to rows that were there"
            await fill(database, revision, [name for name in await names(database) if name not in full])
            await down(database, before or "base")
            kept = await stored(database)
            assert like(kept, full) == full, f"what {revision} does to rows that stay when it goes down"
            await up(database, revision)
            await fill(database, revision, [name for name in await names(database) if name not in full])
            full = await stored(database)


async def up(database: Database, revision: str) -> None:
    await database.revise(lambda settings: command.upgrade(settings, revision))


async def down(database: Database, revision: str) -> None:
    await database.revise(lambda settings: command.downgrade(settings, revision))


async def names(database: Database) -> list[str]:
    """The tables that are there."""
    async with database.reading() as connection:
        found = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    return sorted(name for name in found if name != "alembic_version")


async def stored(database: Database) -> Rows:
    """Every row, by table."""
    # Another statement each time: PostgreSQL has planned the one of before for the columns that there were
    each = f"SELECT * FROM {{}} /* {next(_COUNT)} */"
    found = {name: await database.all(text(each.format(f'"{name}"'))) for name in await names(database)}
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def like(rows: Rows, others: Rows) -> Rows:
    """The rows of the tables that the others have, with the columns that they have there."""
    found: Rows = {}
    for name, known in others.items():
        columns = known[0] if known else {}
        found[name] = sorted(({key: row[key] for key in columns if key in row} for row in rows[name]), key=repr)
    return found

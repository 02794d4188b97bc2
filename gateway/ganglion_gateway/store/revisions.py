# SPDX-License-Identifier: GPL-3.0-or-later
"""The revisions of the tables, and Alembic, which brings a database from one to another.

It is loaded when there is something to do for it: at a start on tables of the newest revision it would take a tenth of
the processor's time.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError
from ganglion_gateway.store.url import SQLITE

if TYPE_CHECKING:
    from alembic.config import Config

#: Alembic's own table, which holds the revision.
VERSION = "alembic_version"
_MIGRATIONS = Path(__file__).parent / "migrations"


def known() -> list[str]:
    """All revisions, the newest last: each is the number that the name of its file begins with."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


async def current(connection: AsyncConnection) -> str | None:
    """The revision of the tables; None where there are none."""

    def look(sync: Connection) -> str | None:
        if not sync.dialect.has_table(sync, VERSION):
            return None
        found: str | None = sync.execute(text(f"SELECT version_num FROM {VERSION}")).scalar()  # noqa: S608 - ours
        return found

    return await connection.run_sync(look)


async def upgrade(connection: AsyncConnection, revision: str) -> None:
    """Brings the tables to a later revision, in the transaction of a connection of `Engines.migrations`.

    Raises:
        InvalidError: it left rows that point to none.
    """
    if await current(connection) != revision:
        from alembic import command

        await revise(connection, lambda settings: command.upgrade(settings, revision))


async def remove(connection: AsyncConnection) -> None:
    """Removes all tables, in the same way."""
    from alembic import command

    await revise(connection, lambda settings: command.downgrade(settings, "base"))


def config() -> "Config":
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


async def revise(connection: AsyncConnection, change: "Callable[[Config], None]") -> None:
    """Has Alembic change the tables, in the transaction of a connection of `Engines.migrations`.

    Raises:
        InvalidError: it left rows that point to none.
    """

    def work(sync: Connection) -> None:
        logging.getLogger("alembic").setLevel(logging.WARNING)
        settings = config()
        settings.attributes["connection"] = sync
        change(settings)
        if sync.dialect.name == SQLITE and (lost := sync.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise InvalidError(f"a migration left rows of {lost[0][0]} that point to no row of {lost[0][2]}")

    await connection.run_sync(work)

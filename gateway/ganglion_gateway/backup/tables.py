# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of every table as JSON lines, out of either database and into either.

The tables are those of the database, whatever revision it is of: a backup is restored at its own revision, and migrated
then. A column of JSON goes as the text that it is, since SQLite's and PostgreSQL's drivers read numbers differently.
"""

import base64
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import JSON, Connection, LargeBinary, MetaData, Table, Text, bindparam, cast, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError
from ganglion_gateway.store.revisions import VERSION

#: Rows that are read or written at once.
_PAGE = 500


async def reflected(connection: AsyncConnection) -> list[Table]:
    """The tables that are there, each behind those that it points to."""

    def reflect(sync: Connection) -> list[Table]:
        known = MetaData()
        known.reflect(sync)
        return [table for table in known.sorted_tables if table.name != VERSION]

    return await connection.run_sync(reflect)


async def dump(connection: AsyncConnection, write: Callable[[Any], None]) -> dict[str, int]:
    """Writes every row: `{"table", "columns"}`, then a list a row. Returns how many there are, by table."""
    counts = {}
    for table in await reflected(connection):
        names = [column.name for column in table.columns]
        binary = [isinstance(column.type, LargeBinary) for column in table.columns]
        write({"table": table.name, "columns": names})
        shown = [cast(c, Text).label(c.name) if isinstance(c.type, JSON) else c for c in table.columns]
        counts[table.name] = 0
        async with connection.stream(select(*shown).execution_options(yield_per=_PAGE)) as rows:
            async for row in rows:
                write([_encoded(value) if is_binary else value for value, is_binary in zip(row, binary, strict=True)])
                counts[table.name] += 1
    return counts


class Loading:
    """Puts rows into tables that are empty.

    Args:
        connection: In a transaction that the caller commits.
        tables: Those that are there.
    """

    def __init__(self, connection: AsyncConnection, tables: Iterable[Table]) -> None:
        self._connection = connection
        self._tables = {table.name: table for table in tables}
        self._insert: Any = None
        self._columns: list[tuple[str, bool]] = []
        self._rows: list[dict[str, Any]] = []
        self._name = ""
        self.counts: dict[str, int] = {}

    async def table(self, name: str, columns: list[str]) -> None:
        """The rows that come now are of this table.

        Raises:
            InvalidError: there is no such table or column.
        """
        await self._flush()
        table = self._tables.get(name)
        if table is None or not {*columns} <= {column.name for column in table.columns}:
            raise InvalidError(f"the backup has a table {name!r} that its revision has not")
        kinds = [(column, table.columns[column].type) for column in columns]
        self._columns = [(column, isinstance(kind, LargeBinary)) for column, kind in kinds]
        self._insert = insert(table).values(
            {column: self._json(column) for column, kind in kinds if isinstance(kind, JSON)}
        )
        self._name = name
        self.counts[name] = 0

    def _json(self, column: str) -> Any:
        given = bindparam(column, type_=Text)
        # SQLite has no type of that name: a cast to it would make a number of text
        return cast(given, JSON) if self._connection.dialect.name == "postgresql" else given

    async def row(self, values: list[Any]) -> None:
        """One row."""
        self._rows.append(
            {
                name: base64.b64decode(value) if is_binary and value is not None else value
                for (name, is_binary), value in zip(self._columns, values, strict=True)
            }
        )
        self.counts[self._name] += 1
        if len(self._rows) >= _PAGE:
            await self._flush()

    async def close(self) -> None:
        """Writes the rest, and has numbers go on behind the last."""
        await self._flush()
        if "leases" in self._tables:  # whoever held one is gone
            await self._connection.execute(self._tables["leases"].update().values(holder="", expires=0))
        if "logins" in self._tables:  # one that was ended since the backup must not be there again
            await self._connection.execute(self._tables["logins"].delete())
        if self._connection.dialect.name == "postgresql":
            for table in self._tables.values():
                for column in table.primary_key.columns:
                    await self._connection.execute(_go_on(table.name, column.name))

    async def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            await self._connection.execute(self._insert, rows)


def _go_on(table: str, column: str) -> Any:
    """Has the numbers of a column go on behind the greatest that is there; nothing where it does not count."""
    # The names are those of our own tables
    return text(
        f"SELECT setval(s, n) FROM (SELECT pg_get_serial_sequence('\"{table}\"', '{column}') AS s, "  # noqa: S608
        f'(SELECT max("{column}") FROM "{table}")::text::bigint AS n) AS known WHERE s IS NOT NULL AND n IS NOT NULL'
    )


def _encoded(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()

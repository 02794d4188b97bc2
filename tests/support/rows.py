# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows for every table of the gateway's database, whatever tables there are: two at a time, pointing to each other."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, Float, Integer, LargeBinary, MetaData, Table, func, select
from sqlalchemy import insert as insert_into

from ganglion_gateway.store.database import Database

#: What belongs to Alembic.
_ALEMBIC = "alembic_version"


async def _tables(database: Database, names: Sequence[str] | None) -> list[Table]:
    """The tables that are there, each behind those that it points to."""

    def reflect(connection: Connection) -> list[Table]:
        known = MetaData()
        known.reflect(connection, only=names)
        wanted = [table for table in known.sorted_tables if table.name != _ALEMBIC]
        return [table for table in wanted if names is None or table.name in names]

    async with database.reading() as connection:
        return await connection.run_sync(reflect)


async def fill(database: Database, word: str, names: Sequence[str] | None = None) -> None:
    """Two rows more in every table, each of which points to rows that are there.

    Args:
        word: Is in their text.
        names: Of tables; None for every table.
    """
    for table in await _tables(database, names):
        count = (await database.scalar(select(func.count()).select_from(table))) or 0
        pointed: dict[str, list[Any]] = {}
        for column in table.columns:
            for key in column.foreign_keys:
                used = {row["value"] for row in await database.all(select(column.label("value")))}
                targets = [row["value"] for row in await database.all(select(key.column.label("value")))]
                pointed[column.name] = sorted(targets, key=lambda target, used=used: target in used)
        rows = [
            {
                column.name: pointed[column.name][i] if column.name in pointed else _value(column, word, count + i)
                for column in table.columns
            }
            for i in range(2)
        ]
        await database.write(lambda connection, table=table, rows=rows: connection.execute(insert_into(table), rows))


def _value(column: Column[Any], word: str, number: int) -> Any:
    kind = column.type
    if isinstance(kind, JSON):
        return [word, number, {"a": "я", "b": 21.0}]
    if isinstance(kind, Boolean):
        return bool(number % 2)
    if isinstance(kind, Integer):
        return (1 << 30) + number + 1
    if isinstance(kind, Float):
        return number + 0.5
    if isinstance(kind, LargeBinary):
        return f"{word} {number}".encode()
    return f"{word}.{number}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""How runs of nodes and leaves ended that crashed."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.settings import Retention
from ganglion_gateway.store.database import Database, Row, insert_new
from ganglion_gateway.store.fleet_tables import crashes

_LINE = (crashes.c.event, crashes.c.id, crashes.c.node, crashes.c.leaf, crashes.c.kind, crashes.c.at, crashes.c.text)


async def save(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Crashes; one that is there already is dropped."""
    if rows:
        await connection.execute(insert_new(connection, crashes), rows)


def key(row: Row) -> str:
    """Where a crash stands in the order of the list."""
    return f"{row['at']}/{row['event']}"


async def newest(
    database: Database, *, nodes: Collection[str] | None, leaf: str | None, limit: int, before: str = ""
) -> list[Row]:
    """Those of nodes by all the ids that they had (None for all), the newest first, without their records.

    Args:
        leaf: Of this leaf alone, or with "" of the nodes themselves.
        before: Those that follow the one of this key.
    """
    statement = select(*_LINE)
    if nodes is not None:
        statement = statement.where(crashes.c.node.in_(list(nodes)))
    if leaf is not None:
        statement = statement.where(crashes.c.leaf == leaf)
    if before:
        at, _, event = before.partition("/")
        edge = int(at) if at.isdecimal() and len(at) < 20 else 0
        statement = statement.where(
            (crashes.c.at < edge) | ((crashes.c.at == edge) & (crashes.c.event > event))  # as it is ordered
        )
    return await database.all(statement.order_by(crashes.c.at.desc(), crashes.c.event).limit(limit))


async def find(database: Database, nodes: Collection[str], leaf: str, identity: str) -> Row | None:
    """One of a node or leaf by its id, or its last for ""."""
    statement = select(crashes).where(crashes.c.node.in_(list(nodes)), crashes.c.leaf == leaf)
    if identity:
        statement = statement.where(crashes.c.id == identity)
    return await database.one(statement.order_by(crashes.c.at.desc()).limit(1))


async def repeated(database: Database, *, since: int, least: int) -> int:
    """How many nodes and leaves have crashed so often since."""
    often = select(crashes.c.node, crashes.c.leaf).where(crashes.c.at >= since).group_by(crashes.c.node, crashes.c.leaf)
    some = often.having(func.count() >= least).subquery()
    return await database.scalar(select(func.count()).select_from(some)) or 0


async def prune(connection: AsyncConnection, keep: Retention, now: int) -> None:
    """Deletes what is too old or too much."""
    floor = select(crashes.c.at).order_by(crashes.c.at.desc()).offset(keep.crashes_count).limit(1)
    edge = max(now - keep.crashes_age, (await connection.execute(floor)).scalar() or 0)
    await connection.execute(delete(crashes).where(crashes.c.at <= edge))

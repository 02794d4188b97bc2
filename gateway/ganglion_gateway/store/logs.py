# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings and errors of nodes, kept for a while."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.settings import Retention
from ganglion_gateway.store.database import Database, Row, insert_new
from ganglion_gateway.store.fleet_tables import node_logs


async def save(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Records; one that is there already is dropped."""
    if rows:
        await connection.execute(insert_new(connection, node_logs), rows)


async def newest(database: Database) -> int:
    """The number of the newest record; 0 where there is none."""
    return int(await database.scalar(select(func.max(node_logs.c.number))) or 0)


async def since(database: Database, number: int, *, limit: int) -> list[Row]:
    """Records with a greater number, in order."""
    return await database.all(
        select(node_logs).where(node_logs.c.number > number).order_by(node_logs.c.number).limit(limit)
    )


async def page(
    database: Database,
    *,
    nodes: Collection[str] | None,
    logger: str = "",
    since: int,
    level: int,
    before: int | None,
    limit: int,
    containing: str = "",
) -> list[Row]:
    """Those of nodes by all the ids that they had (None for all), newest first, from below the number `before`.

    Args:
        logger: Only what this one has said; "" for all.
        containing: Only those whose text or logger has this, in capitals or not.
    """
    statement = select(node_logs).where(node_logs.c.at >= since, node_logs.c.level >= level)
    if containing:
        places = (node_logs.c.text, node_logs.c.logger)
        statement = statement.where(or_(*(place.icontains(containing, autoescape=True) for place in places)))
    if nodes is not None:
        statement = statement.where(node_logs.c.node.in_(list(nodes)))
    if logger:
        statement = statement.where(node_logs.c.logger == logger)
    if before is not None:
        statement = statement.where(node_logs.c.number < before)
    return await database.all(statement.order_by(node_logs.c.number.desc()).limit(limit))


async def prune(connection: AsyncConnection, keep: Retention, now: int) -> None:
    """Deletes what is too old or too much."""
    newest = select(node_logs.c.number).order_by(node_logs.c.number.desc()).limit(1)
    last = (await connection.execute(newest)).scalar() or 0
    old = (node_logs.c.received < now - keep.logs_age) | (node_logs.c.number <= last - keep.logs_count)
    await connection.execute(delete(node_logs).where(old))

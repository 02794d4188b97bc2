# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of nodes beside their births, stored and found."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, Row, insert_or_update
from ganglion_gateway.store.fleet_tables import facts
from ganglion_gateway.store.tables import episodes


async def all_of(database: Database) -> list[Row]:
    """Of every node, those that operators changed first first."""
    return await database.all(select(facts).order_by(facts.c.changed, facts.c.vitals_at))


async def changed(database: Database, since: int) -> list[Row]:
    """Those of which operators have changed the tags since."""
    return await database.all(select(facts).where(facts.c.changed > since))


async def save_vitals(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """What nodes say of themselves; what operators say stays."""
    if rows:
        keep = ("added", "removed", "changed")
        await connection.execute(insert_or_update(connection, facts, ["node"], keep=keep), rows)


async def save_tags(connection: AsyncConnection, row: Row) -> None:
    """What operators say of a node; what it says of itself stays."""
    keep = ("vitals", "vitals_at", "leaves")
    await connection.execute(insert_or_update(connection, facts, ["node"], keep=keep), [row])


async def failing(database: Database) -> list[Row]:
    """The last episode of each script of each node, where it failed: `node`, `script`, `status`, `started`, `body`."""
    last = (
        select(episodes.c.node, episodes.c.script, func.max(episodes.c.started).label("started"))
        .group_by(episodes.c.node, episodes.c.script)
        .subquery()
    )
    same = (
        (episodes.c.node == last.c.node) & (episodes.c.script == last.c.script) & (episodes.c.started == last.c.started)
    )
    columns = (episodes.c.node, episodes.c.script, episodes.c.status, episodes.c.started, episodes.c.body)
    statement = select(*columns).join(last, same)
    return await database.all(statement.where(episodes.c.status == "failed"))

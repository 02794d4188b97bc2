# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of confidential topics, and every key that something under way may still be sealed with."""

from collections.abc import Callable

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, Row, added
from ganglion_gateway.store.tables import group_keys, groups


async def all_groups(database: Database) -> list[Row]:
    """Every group, by name."""
    return await database.all(select(groups).order_by(groups.c.name))


async def all_keys(database: Database) -> list[Row]:
    """Every key, the oldest of each group first."""
    return await database.all(select(group_keys).order_by(group_keys.c.name, group_keys.c.number))


async def create(connection: AsyncConnection, row: Row) -> bool:
    """A new group; whether there was none of its name."""
    return await added(connection, groups, row)


#: Who is to be in a group: ids of nodes, and tags.
Named = tuple[list[str], list[str]]


async def change(connection: AsyncConnection, name: str, alter: Callable[[list[str], list[str]], Named]) -> Named:
    """Others are to be in a group, by who is now, whoever has said so; what `alter` raises changes nothing."""
    mine = groups.c.name == name
    row = (await connection.execute(select(groups.c.nodes, groups.c.tags).where(mine))).one()
    nodes, tags = alter(row.nodes, row.tags)
    await connection.execute(update(groups).where(mine).values(nodes=nodes, tags=tags))
    return nodes, tags


async def save_key(connection: AsyncConnection, row: Row, *, last: int, keep: int, before: int) -> bool:
    """A new key of a group; of the others go those that were made before a time, but for the newest ones.

    Args:
        last: The number of the key that is the newest, as far as its maker knows; 0 for none.
        keep: How many stay, whenever they were made.

    Returns:
        Whether it is stored; it is not where another gateway has made one meanwhile.
    """
    mine = group_keys.c.name == row["name"]
    if ((await connection.execute(select(func.max(group_keys.c.number)).where(mine))).scalar() or 0) != last:
        return False
    await connection.execute(insert(group_keys), [row])
    newest = select(group_keys.c.number).where(mine).order_by(group_keys.c.number.desc()).limit(keep)
    kept = [each[0] for each in await connection.execute(newest)]
    await connection.execute(
        delete(group_keys).where(mine, group_keys.c.made < before, group_keys.c.number.not_in(kept))
    )
    return True

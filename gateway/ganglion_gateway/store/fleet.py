# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes and their readings, stored and found."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Float, Text, bindparam, cast, delete, func, literal, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from ganglion_gateway.settings import Retention
from ganglion_gateway.store.database import Database, Row, insert_new, insert_or_update
from ganglion_gateway.store.tables import nodes, readings

#: What is no text of a reading, as the database gets it.
_PLAIN: dict[str, TypeEngine[Any]] = {"timestamp": BigInteger(), "number": Float()}
_TOLD = ("online", "last_seen", "died")
#: One statement for all rows: each of its own would be a trip to the database's thread, and all else waits meanwhile.
_PRESENCE = (
    update(nodes).where(nodes.c.id == bindparam("node")).values({name: bindparam(f"new_{name}") for name in _TOLD})
)
_READING = [column.name for column in readings.columns]
#: PostgreSQL takes a column of many readings as one array: a statement for each would be a thousand to plan and answer.
_UNNESTED = select(
    *(
        cast(func.unnest(bindparam(column.name, type_=ARRAY(_PLAIN.get(column.name, Text())))), column.type)
        for column in readings.columns
    )
)


async def save_nodes(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Nodes as their births tell them. When each was first seen is kept."""
    if rows:
        await connection.execute(insert_or_update(connection, nodes, ["id"], keep=["first_seen"]), rows)


async def remove_nodes(connection: AsyncConnection, ids: Collection[str]) -> None:
    """Nobody has these ids any more; what was said under them stays."""
    await connection.execute(delete(nodes).where(nodes.c.id.in_(list(ids))))


async def revoke_node(connection: AsyncConnection, node: str, at: int) -> None:
    """A node that is believed no more."""
    await connection.execute(update(nodes).where(nodes.c.id == node).values(revoked=at, online=False))


async def save_presence(connection: AsyncConnection, changes: Sequence[dict[str, Any]]) -> None:
    """Changes with `id`, `online`, `last_seen` and `died`."""
    if changes:
        news = [{"node": one["id"], **{f"new_{name}": one[name] for name in _TOLD}} for one in changes]
        await connection.execute(_PRESENCE, news)


async def save_readings(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Readings; one whose instant is taken is dropped."""
    if connection.dialect.name != "postgresql":
        await connection.execute(insert_new(connection, readings), rows)
        return
    columns = {name: [row[name] for row in rows] for name in _READING}
    columns["value"] = [None if value is None else json.dumps(value) for value in columns["value"]]
    await connection.execute(insert_new(connection, readings).from_select(_READING, _UNNESTED), columns)


async def all_nodes(database: Database) -> list[Row]:
    """Every node, by name."""
    return await database.all(select(nodes).order_by(nodes.c.name, nodes.c.id))


async def revoked(database: Database) -> dict[str, int]:
    """Nodes that are believed no more, and since when."""
    rows = await database.all(select(nodes.c.id, nodes.c.revoked).where(nodes.c.revoked.is_not(None)))
    return {row["id"]: row["revoked"] for row in rows}


async def latest(database: Database) -> list[Row]:
    """The newest reading of every sensor."""
    newest = (
        select(readings.c.node, readings.c.sensor, func.max(readings.c.timestamp).label("timestamp"))
        .group_by(readings.c.node, readings.c.sensor)
        .subquery()
    )
    same = (
        (readings.c.node == newest.c.node)
        & (readings.c.sensor == newest.c.sensor)
        & (readings.c.timestamp == newest.c.timestamp)
    )
    return await database.all(select(readings).join(newest, same))


async def history(
    database: Database, ids: list[str], sensor: str, *, since: int, before: int | None = None, limit: int
) -> list[Row]:
    """The newest readings of a sensor from a time on, oldest first, under any id that its node had.

    Args:
        before: Only what is older than this.
    """
    statement = (
        select(readings.c.timestamp, readings.c.number, readings.c.value)
        .where(readings.c.node.in_(ids), readings.c.sensor == sensor, readings.c.timestamp >= since)
        .order_by(readings.c.timestamp.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(readings.c.timestamp < before)
    return list(reversed(await database.all(statement)))


async def buckets(database: Database, ids: list[str], sensor: str, *, since: int, until: int, step: int) -> list[Row]:
    """The numbers of a sensor from `since` to before `until`, put together by spans of `step` nanoseconds.

    Of each span that has any: when it begins, `low`, `mean`, `high`, and how many (`count`).
    """
    mine = readings.c.node.in_(ids) & (readings.c.sensor == sensor) & readings.c.number.is_not(None)
    span = ((readings.c.timestamp - since) // step).label("span")
    found = (
        select(span, readings.c.number)
        .where(mine, readings.c.timestamp >= since, readings.c.timestamp < until)
        .subquery()
    )
    number = found.c.number
    statement = (
        select(
            found.c.span,
            func.min(number).label("low"),
            func.avg(number).label("mean"),
            func.max(number).label("high"),
            func.count().label("count"),
        )
        .group_by(found.c.span)
        .order_by(found.c.span)
    )
    return [{**row, "begin": since + row["span"] * step} for row in await database.all(statement)]


async def prune(connection: AsyncConnection, streams: Sequence[tuple[str, str]], keep: Retention, now: int) -> int:
    """Deletes readings of these (node, sensor) that are too old or too many; returns how many.

    One statement for each, and all of them sent at once: each looks at the end of its own stream alone, where one for
    all of them has to put the rows together first.
    """
    if not streams:
        return 0
    mine = (readings.c.node == bindparam("of_node")) & (readings.c.sensor == bindparam("of_sensor"))
    newest = select(readings.c.timestamp).where(mine).order_by(readings.c.timestamp.desc())
    last = newest.offset(keep.readings_count - 1).limit(1).subquery()
    oldest = select(literal(now - keep.readings_age, BigInteger).label("timestamp"))
    edges = union_all(oldest, select(last.c.timestamp)).subquery()
    edge = select(func.max(edges.c.timestamp)).scalar_subquery()
    statement = delete(readings).where(mine, readings.c.timestamp < edge)
    rows = [{"of_node": node, "of_sensor": sensor} for node, sensor in streams]
    return (await connection.execute(statement, rows)).rowcount

# SPDX-License-Identifier: GPL-3.0-or-later
"""Events and episodes, stored once each together with what they cause, and found page by page."""

from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.rows import Batch
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import crashes, logs, relays, webhooks
from ganglion_gateway.store.database import Database, Row, insert_new
from ganglion_gateway.store.tables import deliveries, episodes, events, outbox
from ganglion_gateway.store.tables import relays as relay_table

#: Acts of a guardian that one trace shows.
_ACTS = 32


async def save(connection: AsyncConnection, batch: Batch, stored: int) -> list[Row]:
    """The rows that are new. What they cause is written in the same transaction, so neither is without the other.

    Args:
        stored: The time, for those that are new.
    """
    await logs.save(connection, batch.logs)
    if not batch.events:
        return []
    rows = list({row["id"]: {**row, "stored": stored} for row in batch.events}.values())
    insert = insert_new(connection, events).returning(events.c.id)
    new = set((await connection.execute(insert, rows)).scalars())
    fresh = [row for row in rows if row["id"] in new]
    if told := [row for row in batch.episodes if row["id"] in new]:
        await connection.execute(insert_new(connection, episodes), told)
    await crashes.save(connection, [row for row in batch.crashes if row["event"] in new])
    await webhooks.enqueue(connection, fresh, stored)
    await relays.enqueue(connection, [row for row in batch.relays if row["event"] in new], stored)
    return fresh


async def page(
    database: Database, *, cls: str | None, node: list[str] | None, before: int | None, limit: int
) -> list[Row]:
    """Events, newest first, from below the number `before`; of a node by all the ids that it had."""
    statement = select(events).order_by(events.c.number.desc()).limit(limit)
    if cls is not None:
        statement = statement.where(events.c.cls == cls)
    if node is not None:
        statement = statement.where(events.c.node.in_(node))
    if before is not None:
        statement = statement.where(events.c.number < before)
    return await database.all(statement)


async def newest(database: Database) -> int:
    """The number of the newest event; 0 where there is none."""
    return int(await database.scalar(select(func.max(events.c.number))) or 0)


async def since(database: Database, number: int, *, limit: int) -> list[Row]:
    """Events with a greater number, each with the node that it is for as `receiver`, in order."""
    to = relay_table.c.node.label("receiver")
    joined = select(events, to).join(relay_table, relay_table.c.event == events.c.id, isouter=True)
    return await database.all(joined.where(events.c.number > number).order_by(events.c.number).limit(limit))


async def find(database: Database, identity: str) -> Row | None:
    """One event by its id."""
    return await database.one(select(events).where(events.c.id == identity))


async def last(database: Database, cls: str) -> Row | None:
    """The newest event of a class."""
    return await database.one(select(events).where(events.c.cls == cls).order_by(events.c.number.desc()).limit(1))


async def acts(database: Database, node: str, run: str) -> list[Row]:
    """What a node's guardian has done by itself about a run, the first first."""
    of_run = (events.c.cls == "guardian", events.c.node == node, events.c.run == run)
    return await database.all(select(events).where(*of_run).order_by(events.c.number).limit(_ACTS))


async def episode(database: Database, node: list[str], run: str | None) -> dict[str, Any] | None:
    """The episode of a run, or of the last one where `run` is None, where its node has told it."""
    statement = select(episodes.c.body).where(episodes.c.node.in_(node))
    if run is not None:
        statement = statement.where(episodes.c.run == run)
    body: dict[str, Any] | None = await database.scalar(statement.order_by(episodes.c.started.desc()).limit(1))
    return body


async def attempts(database: Database, event: str) -> list[Row]:
    """What became of an event's webhooks: a row for each attempt, and one without for each that was not tried yet."""
    statement = (
        select(
            outbox.c.number,
            outbox.c.endpoint,
            outbox.c.message,
            outbox.c.state,
            outbox.c.attempts,
            outbox.c.due,
            outbox.c.created,
            outbox.c.ended,
            deliveries.c.at,
            deliveries.c.took,
            deliveries.c.status,
            deliveries.c.error,
        )
        .join(deliveries, deliveries.c.outbox == outbox.c.number, isouter=True)
        .where(outbox.c.event == event)
        .order_by(outbox.c.number, deliveries.c.number)
    )
    return await database.all(statement)


async def prune(connection: AsyncConnection, keep: Retention, now: int) -> int:
    """Deletes what is too old or too many, except for events with a webhook or a node to go to; returns how many."""
    newest = (await connection.execute(select(events.c.number).order_by(events.c.number.desc()).limit(1))).scalar()
    floor = (newest or 0) - keep.events_count
    waiting = select(outbox.c.event).where(outbox.c.state == webhooks.PENDING)
    old = (events.c.received < now - keep.events_age) | (events.c.number <= floor)
    carried = select(relay_table.c.event).where(relay_table.c.state == relays.PENDING)
    result = await connection.execute(
        delete(events).where(old, events.c.id.not_in(waiting), events.c.id.not_in(carried))
    )
    await connection.execute(delete(episodes).where(episodes.c.id.not_in(select(events.c.id))))
    return int(result.rowcount)

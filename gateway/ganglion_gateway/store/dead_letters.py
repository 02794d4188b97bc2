# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that no endpoint took: looked at, tried again in their order, or thrown away."""

from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.store.tables import deliveries, endpoints, events, outbox
from ganglion_gateway.store.webhooks import DEAD, PENDING, last_attempt


def _dead() -> Select[Any]:
    return (
        select(
            *(outbox.c[name] for name in ("number", "message", "endpoint", "event", "attempts", "created", "ended")),
            endpoints.c.name.label("webhook_name"),
            *(events.c[name] for name in ("cls", "topic", "value", "node", "timestamp", "source", "run")),
            *(deliveries.c[name] for name in ("at", "took", "status", "error")),
        )
        .select_from(outbox)
        .join(endpoints, endpoints.c.id == outbox.c.endpoint)
        .join(events, events.c.id == outbox.c.event)
        .join(deliveries, deliveries.c.number == last_attempt(outbox), isouter=True)
        .where(outbox.c.state == DEAD)
    )


async def page(database: Database, *, endpoint: str | None, before: int | None, limit: int) -> list[Row]:
    """Dead messages, newest first, each with its event and its last attempt."""
    statement = _dead().order_by(outbox.c.number.desc()).limit(limit)
    if endpoint is not None:
        statement = statement.where(outbox.c.endpoint == endpoint)
    if before is not None:
        statement = statement.where(outbox.c.number < before)
    return await database.all(statement)


async def find(database: Database, message: str) -> Row | None:
    """One dead message."""
    return await database.one(_dead().where(outbox.c.message == message))


async def attempts(database: Database, number: int) -> list[Row]:
    """Every attempt of a row of the outbox, oldest first."""
    columns = (deliveries.c[name] for name in ("at", "took", "status", "error"))
    return await database.all(select(*columns).where(deliveries.c.outbox == number).order_by(deliveries.c.number))


async def replay(connection: AsyncConnection, now: int, *, endpoint: str | None, message: str | None) -> int:
    """Has dead messages tried again, in the order in which they were written and before what is newer.

    Args:
        endpoint: Only its messages.
        message: Only this one.

    Returns:
        How many.
    """
    fresh = {"state": PENDING, "attempts": 0, "due": now, "ended": None, "replayed": now}
    statement = update(outbox).where(*_chosen(endpoint, message)).values(fresh)
    return int((await connection.execute(statement)).rowcount)


async def drop(connection: AsyncConnection, *, endpoint: str | None, message: str | None) -> int:
    """Deletes dead messages; how many. See `replay`."""
    return int((await connection.execute(delete(outbox).where(*_chosen(endpoint, message)))).rowcount)


def _chosen(endpoint: str | None, message: str | None) -> list[Any]:
    chosen = [outbox.c.state == DEAD]
    if endpoint is not None:
        chosen.append(outbox.c.endpoint == endpoint)
    if message is not None:
        chosen.append(outbox.c.message == message)
    return chosen

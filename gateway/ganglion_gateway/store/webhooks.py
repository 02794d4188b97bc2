# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhook endpoints, and the outbox that lies between an event and each of them."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import FromClause, ScalarSelect, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, Row, insert_or_update
from ganglion_gateway.store.leases import leases
from ganglion_gateway.store.tables import deliveries, endpoints, events, nodes, outbox

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"

#: One statement for all rows: each of its own would be a trip to the database's thread.
_SETTLE = (
    update(outbox)
    .where(outbox.c.number == bindparam("new_number"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "attempts", "due", "ended")})
)


def new_id() -> str:
    """Of an endpoint."""
    return f"wh_{secrets.token_hex(8)}"


def lease_of(endpoint: str) -> str:
    """The name of the lease of who delivers to an endpoint."""
    return f"webhook:{endpoint}"


def message_id(event: str, endpoint: str) -> str:
    """The `webhook-id` of an event for an endpoint: the same whenever it is sent, and no other's."""
    digest = hashlib.sha256(f"{endpoint}\n{event}".encode()).digest()
    return "msg_" + base64.b32encode(digest[:20]).decode().lower()


async def save(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """A new endpoint, or new properties of one."""
    await connection.execute(insert_or_update(connection, endpoints, ["id"], keep=["created"]), [row])


async def read(connection: AsyncConnection, endpoint: str) -> Row | None:
    """One endpoint, in a transaction."""
    row = (await connection.execute(select(endpoints).where(endpoints.c.id == endpoint))).first()
    return None if row is None else dict(row._mapping)


async def change(connection: AsyncConnection, endpoint: str, values: Row) -> None:
    """Other properties of an endpoint."""
    await connection.execute(update(endpoints).where(endpoints.c.id == endpoint).values(values))


async def anew(connection: AsyncConnection, endpoint: str, now: int) -> None:
    """Has what waits for an endpoint tried at once, as if it had been written now and never been tried."""
    waiting = (outbox.c.endpoint == endpoint, outbox.c.state == PENDING)
    await connection.execute(update(outbox).where(*waiting).values(attempts=0, due=now, replayed=now))


async def remove(connection: AsyncConnection, endpoint: str) -> bool:
    """Deletes an endpoint with all that waits for it; whether there was one. Nobody delivers to it from now on."""
    await connection.execute(leases.delete().where(leases.c.name == lease_of(endpoint)))
    return bool((await connection.execute(endpoints.delete().where(endpoints.c.id == endpoint))).rowcount)


async def all_endpoints(database: Database) -> list[Row]:
    """Every endpoint, oldest first."""
    return await database.all(select(endpoints).order_by(endpoints.c.created, endpoints.c.id))


async def find(database: Database, endpoint: str) -> Row | None:
    """One endpoint."""
    return await database.one(select(endpoints).where(endpoints.c.id == endpoint))


async def enqueue(connection: AsyncConnection, rows: Sequence[Row], now: int) -> None:
    """Writes what these events cause, for every enabled endpoint that wants their class."""
    if not rows:
        return
    wanted = await connection.execute(select(endpoints.c.id, endpoints.c.classes).where(endpoints.c.enabled))
    items = [
        {
            "endpoint": endpoint,
            "event": row["id"],
            "message": message_id(row["id"], endpoint),
            "state": PENDING,
            "attempts": 0,
            "due": now,
            "created": now,
            "ended": None,
        }
        for endpoint, classes in wanted.all()
        for row in rows
        if row["cls"] in classes or "*" in classes
    ]
    if items:
        await connection.execute(insert(outbox), items)


async def pending(database: Database, endpoint: str, *, limit: int) -> list[Row]:
    """What waits for an endpoint, in order, each with its event and its node's name."""
    statement = (
        select(
            outbox.c.number,
            outbox.c.message,
            outbox.c.attempts,
            outbox.c.due,
            outbox.c.created,
            outbox.c.replayed,
            events.c.id,
            events.c.node,
            events.c.cls,
            events.c.topic,
            events.c.value,
            events.c.source,
            events.c.run,
            events.c.timestamp,
            nodes.c.name.label("node_name"),
        )
        .join(events, events.c.id == outbox.c.event)
        .join(nodes, nodes.c.id == events.c.node, isouter=True)
        .where(outbox.c.endpoint == endpoint, outbox.c.state == PENDING)
        .order_by(outbox.c.number)
        .limit(limit)
    )
    return await database.all(statement)


async def message(database: Database, endpoint: str, message: str) -> Row | None:
    """A row of the outbox with its event."""
    event = (events.c[name] for name in ("cls", "topic", "value", "node", "timestamp"))
    joined = select(outbox, *event).join(events, events.c.id == outbox.c.event)
    return await database.one(joined.where(outbox.c.endpoint == endpoint, outbox.c.message == message))


async def record(
    connection: AsyncConnection, attempts: Sequence[dict[str, Any]], changes: Sequence[dict[str, Any]]
) -> None:
    """Attempts that were made (for `deliveries`), and what they changed in the outbox."""
    if attempts:
        await connection.execute(insert(deliveries), list(attempts))
    if changes:
        await connection.execute(_SETTLE, [{f"new_{name}": value for name, value in each.items()} for each in changes])


async def newest_attempt(database: Database) -> int:
    """The number of the newest attempt; 0 where there is none."""
    return int(await database.scalar(select(func.max(deliveries.c.number))) or 0)


async def attempts_since(database: Database, number: int, *, limit: int) -> list[Row]:
    """Attempts with a greater number, in order, each with its message as it is by now."""
    message = (outbox.c.endpoint, outbox.c.message, outbox.c.event, outbox.c.state, outbox.c.attempts)
    joined = select(deliveries, *message).join(outbox, outbox.c.number == deliveries.c.outbox)
    return await database.all(joined.where(deliveries.c.number > number).order_by(deliveries.c.number).limit(limit))


async def heads(database: Database) -> dict[str, Row]:
    """Of the message that waits first for each endpoint: how often it was tried, when it is due, the last error."""
    first = select(func.min(outbox.c.number)).where(outbox.c.state == PENDING).group_by(outbox.c.endpoint)
    newest = select(deliveries.c.error).where(deliveries.c.outbox == outbox.c.number)
    error = newest.order_by(deliveries.c.number.desc()).limit(1).scalar_subquery()
    named = (outbox.c[name] for name in ("endpoint", "message", "event", "attempts", "due", "created"))
    columns = (*named, func.coalesce(error, "").label("error"))
    return {row["endpoint"]: row for row in await database.all(select(*columns).where(outbox.c.number.in_(first)))}


async def counts(database: Database) -> dict[str, dict[str, int]]:
    """How many of each state there are, by endpoint."""
    statement = select(outbox.c.endpoint, outbox.c.state, func.count()).group_by(outbox.c.endpoint, outbox.c.state)
    found: dict[str, dict[str, int]] = {}
    async with database.reading() as connection:
        for endpoint, state, count in await connection.execute(statement):
            found.setdefault(endpoint, {})[state] = count
    return found


async def oldest(database: Database) -> dict[str, int]:
    """When the message was made that waits longest for an endpoint, in nanoseconds since the Unix epoch."""
    made = func.min(outbox.c.created).label("created")
    statement = select(outbox.c.endpoint, made).where(outbox.c.state == PENDING).group_by(outbox.c.endpoint)
    async with database.reading() as connection:
        return {row.endpoint: row.created for row in await connection.execute(statement)}


def last_attempt(of: FromClause) -> ScalarSelect[int]:
    """The number of the newest attempt of a row of the outbox, looked up for each row that is wanted alone."""
    made = deliveries.alias()
    return select(func.max(made.c.number)).where(made.c.outbox == of.c.number).correlate(of).scalar_subquery()


async def history(database: Database, endpoint: str, *, state: str | None, before: int | None, limit: int) -> list[Row]:
    """Outbox rows of an endpoint, newest first, each with the outcome of its last attempt."""
    wanted = [outbox.c.endpoint == endpoint]
    if state is not None:
        wanted.append(outbox.c.state == state)
    if before is not None:
        wanted.append(outbox.c.number < before)
    # The page first: else the attempts of every row are looked up before the newest rows are taken
    found = select(outbox).where(*wanted).order_by(outbox.c.number.desc()).limit(limit).subquery()
    last = deliveries.c.number == last_attempt(found)
    attempt = (deliveries.c.at, deliveries.c.took, deliveries.c.status, deliveries.c.error)
    joined = select(found, *attempt).select_from(found).join(deliveries, last, isouter=True)
    return await database.all(joined.order_by(found.c.number.desc()))

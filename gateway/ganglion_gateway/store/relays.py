# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that one node has published to another, until the gateway has carried them there."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, Row, insert_new
from ganglion_gateway.store.tables import events, relays

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"
#: Events of one sender that may wait. Beyond, the new ones are given up: receivers that never come fill no disk.
MAX_WAITING = 1000


async def enqueue(connection: AsyncConnection, rows: Sequence[Row], now: int) -> None:
    """Writes rows of `event`, `sender`, `node`, `expires` and `confidential`."""
    if not rows:
        return
    senders = {row["sender"] for row in rows}
    count = select(relays.c.sender, func.count()).where(relays.c.state == PENDING, relays.c.sender.in_(senders))
    rows_of = await connection.execute(count.group_by(relays.c.sender))
    waiting: dict[str, int] = {row[0]: row[1] for row in rows_of}
    made = []
    for row in rows:
        sender = row["sender"]
        waiting[sender] = waiting.get(sender, 0) + 1
        fits = waiting[sender] <= MAX_WAITING
        error = "" if fits else f"{MAX_WAITING} events of its sender wait already"
        made.append(
            {
                **row,
                "state": PENDING if fits else DEAD,
                "attempts": 0,
                "error": error,
                "ended": None if fits else now,
            }
        )
    await connection.execute(insert_new(connection, relays), made)


async def receivers(database: Database) -> list[str]:
    """Whom something waits for, as the senders call them."""
    rows = await database.all(select(relays.c.node).where(relays.c.state == PENDING).distinct())
    return [row["node"] for row in rows]


async def pending(database: Database, names: Collection[str], now: int, *, limit: int) -> list[Row]:
    """What waits for a node under any of these names, in order, each with its event; what is too old is left out."""
    statement = (
        select(
            relays.c.number,
            relays.c.attempts,
            relays.c.expires,
            relays.c.confidential,
            events.c.id,
            events.c.node,
            events.c.cls,
            events.c.epoch,
            events.c.topic,
            events.c.value,
        )
        .join(events, events.c.id == relays.c.event)
        .where(relays.c.node.in_(names), relays.c.state == PENDING, relays.c.expires >= now)
        .order_by(relays.c.number)
        .limit(limit)
    )
    return await database.all(statement)


async def of(database: Database, event: str) -> Row | None:
    """What became of an event; None where it was for nobody but the gateway."""
    return await database.one(select(relays).where(relays.c.event == event))


async def settle(
    connection: AsyncConnection, number: int, *, state: str, attempts: int, error: str, ended: int | None
) -> bool:
    """What an attempt has come to; says whether it still waited."""
    statement = update(relays).where(relays.c.number == number, relays.c.state == PENDING)
    values = {"state": state, "attempts": attempts, "error": error, "ended": ended}
    return bool((await connection.execute(statement.values(values))).rowcount)


async def expire(connection: AsyncConnection, now: int) -> int:
    """Gives up what has waited too long; returns how many."""
    statement = update(relays).where(relays.c.state == PENDING, relays.c.expires < now)
    late = "its time was over"
    told = func.coalesce(func.nullif(relays.c.error, ""), late)
    return int((await connection.execute(statement.values(state=DEAD, error=told, ended=now))).rowcount)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that were made with an idempotency key, until their time is over."""

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.access_tables import idempotency
from ganglion_gateway.store.database import Row, added


async def begin(connection: AsyncConnection, who: str, key: str, *, asked: bytes, now: int, expires: int) -> Row | None:
    """Takes a key; None where it was free, else what is known of who has it."""
    await connection.execute(delete(idempotency).where(idempotency.c.expires <= now))
    row = {"who": who, "key": key, "asked": asked, "status": None, "answer": None, "expires": expires}
    if await added(connection, idempotency, row):
        return None
    mine = (idempotency.c.who == who) & (idempotency.c.key == key)
    found = (await connection.execute(select(idempotency).where(mine))).one()
    return dict(found._mapping)


async def finish(connection: AsyncConnection, who: str, key: str, *, status: int, answer: bytes, expires: int) -> None:
    """Keeps the answer."""
    mine = (idempotency.c.who == who) & (idempotency.c.key == key)
    await connection.execute(update(idempotency).where(mine).values(status=status, answer=answer, expires=expires))


async def drop(connection: AsyncConnection, who: str, key: str) -> None:
    """Lets the key be taken again."""
    await connection.execute(delete(idempotency).where(idempotency.c.who == who, idempotency.c.key == key))

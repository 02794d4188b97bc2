# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks that come in: who may send them, and which messages were taken."""

import secrets

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.bridge_tables import hook_messages, hooks
from ganglion_gateway.store.database import Database, Row, added


def new_id() -> str:
    """Of a hook."""
    return f"hk_{secrets.token_hex(8)}"


async def all_hooks(database: Database) -> list[Row]:
    """Every hook, oldest first."""
    return await database.all(select(hooks).order_by(hooks.c.created, hooks.c.id))


async def find(database: Database, hook: str) -> Row | None:
    """One hook."""
    return await database.one(select(hooks).where(hooks.c.id == hook))


async def add(connection: AsyncConnection, row: Row) -> None:
    """A new hook."""
    await connection.execute(insert(hooks), [row])


async def rotate(connection: AsyncConnection, hook: str, secret: str, until: int | None) -> bool:
    """Gives a hook another secret; the one before is believed until a time, or no more. Whether there is the hook."""
    former = hooks.c.secret if until is not None else None
    values = {"secret": secret, "former_secret": former, "former_until": until}
    return bool((await connection.execute(update(hooks).where(hooks.c.id == hook).values(values))).rowcount)


async def remove(connection: AsyncConnection, hook: str) -> bool:
    """Deletes a hook; whether there was one."""
    return bool((await connection.execute(delete(hooks).where(hooks.c.id == hook))).rowcount)


async def seen(database: Database, hook: str, message: str) -> Row | None:
    """The row of a message that was taken."""
    mine = (hook_messages.c.hook == hook, hook_messages.c.message == message)
    return await database.one(select(hook_messages).where(*mine))


async def take(connection: AsyncConnection, row: Row) -> Row | None:
    """Notes a message, a row of `hook_messages`; the row that was there already, where there was one."""
    if await added(connection, hook_messages, row):
        return None
    mine = (hook_messages.c.hook == row["hook"], hook_messages.c.message == row["message"])
    return dict((await connection.execute(select(hook_messages).where(*mine))).one()._mapping)


async def again(connection: AsyncConnection, row: Row) -> None:
    """A message has come again, signed anew."""
    mine = (hook_messages.c.hook == row["hook"], hook_messages.c.message == row["message"])
    await connection.execute(update(hook_messages).where(*mine).values(stamp=row["stamp"], expires=row["expires"]))


async def prune(connection: AsyncConnection, now: int) -> None:
    """Forgets messages whose time is over."""
    await connection.execute(delete(hook_messages).where(hook_messages.c.expires <= now))

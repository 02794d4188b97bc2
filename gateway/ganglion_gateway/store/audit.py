# SPDX-License-Identifier: GPL-3.0-or-later
"""Who did what, and which questions went to the language model."""

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.settings import Retention
from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.store.tables import audit


async def record(
    connection: AsyncConnection, *, at: int, actor: str, action: str, target: str = "", detail: dict[str, Any]
) -> None:
    """One entry. `detail` must hold no secret."""
    entry = {"at": at, "actor": actor, "action": action, "target": target, "detail": detail}
    await connection.execute(insert(audit), [entry])


async def page(database: Database, *, action: str | None, before: int | None, limit: int) -> list[Row]:
    """Entries, newest first, from below the number `before`."""
    statement = select(audit).order_by(audit.c.number.desc()).limit(limit)
    if action is not None:
        statement = statement.where(audit.c.action == action)
    if before is not None:
        statement = statement.where(audit.c.number < before)
    return await database.all(statement)


async def prune(connection: AsyncConnection, keep: Retention, now: int) -> None:
    """Deletes entries that are too old."""
    await connection.execute(delete(audit).where(audit.c.at < now - keep.audit_age))

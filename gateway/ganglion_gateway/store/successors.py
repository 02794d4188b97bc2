# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of keys that nodes were given a credential for by `credential.rotate`, until they are born under them."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.mesh.authority import NODE_LIFETIME
from ganglion_gateway.store.database import Database, insert_or_update
from ganglion_gateway.store.tables import successors


async def add(database: Database, former: str, new: str, at: int) -> None:
    """Committed when it returns. Those whose credential has expired are forgotten."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(delete(successors).where(successors.c.issued < at - NODE_LIFETIME))
        row = {"id": new, "former": former, "issued": at}
        await connection.execute(insert_or_update(connection, successors, ["id"]), [row])

    await database.write(work)


async def of(database: Database) -> dict[str, list[str]]:
    """Those of each node, by the id that it had."""
    found: dict[str, list[str]] = {}
    for row in await database.all(select(successors).order_by(successors.c.issued)):
        found.setdefault(row["former"], []).append(row["id"])
    return found

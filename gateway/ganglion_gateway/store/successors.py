# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of keys that nodes were given a credential for by `credential.rotate`, until they are born under them."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.mesh.authority import NODE_LIFETIME
from ganglion_gateway.store import audit
from ganglion_gateway.store.database import Database, added, insert_or_update
from ganglion_gateway.store.tables import successors


async def add(database: Database, former: str, new: str, at: int, *, name: str = "") -> None:
    """Committed when it returns, with an entry in the audit. Those whose credential has expired are forgotten."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(delete(successors).where(successors.c.issued < at - NODE_LIFETIME))
        row = {"id": new, "former": former, "issued": at}
        if not await added(connection, successors, row):  # it asks again, for it has not heard the answer
            await connection.execute(insert_or_update(connection, successors, ["id"]), [row])
            return
        detail = {"name": name, "former": former}
        await audit.record(connection, at=at, actor="gateway", action="node.rotate", target=new, detail=detail)

    await database.write(work)


async def of(database: Database) -> dict[str, list[str]]:
    """Those of each node, by the id that it had."""
    found: dict[str, list[str]] = {}
    for row in await database.all(select(successors).order_by(successors.c.issued)):
        found.setdefault(row["former"], []).append(row["id"])
    return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that ask to be taken in: those that wait for an operator, and approvals that their nodes have yet to fetch."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.mesh.pending import Asking
from ganglion_gateway.store.database import Database, Row, insert_or_update
from ganglion_gateway.store.tables import asking


async def waiting(database: Database) -> list[Asking]:
    """Nodes that nobody has decided on."""
    rows = await database.all(select(asking).where(asking.c.approved.is_(None)))
    return [
        Asking(node_id=row["id"], public=row["public"], name=row["name"], first=row["first"], last=row["last"])
        for row in rows
    ]


async def approved(database: Database, node: str, since: int) -> Row | None:
    """The approval of a node, where it was given after a time."""
    return await database.one(select(asking).where(asking.c.id == node, asking.c.approved > since))


async def granted(database: Database) -> dict[str, str]:
    """Nodes that an operator has let in, born or not yet: names by id."""
    rows = await database.all(select(asking.c.id, asking.c.name).where(asking.c.approved.is_not(None)))
    return {row["id"]: row["name"] for row in rows}


async def save(connection: AsyncConnection, one: Asking, gone: Sequence[str]) -> None:
    """A node that waits, in place of those that had to go for it."""
    await remove(connection, gone)
    row = {"id": one.node_id, "public": one.public, "name": one.name, "first": one.first, "last": one.last}
    await connection.execute(insert_or_update(connection, asking, ["id"]), [{**row, "approved": None, "tags": []}])


async def approve(connection: AsyncConnection, one: Asking, *, name: str, tags: Sequence[str], at: int) -> None:
    """The operator's word on a node that waits."""
    row = {"id": one.node_id, "public": one.public, "name": name, "first": one.first, "last": one.last}
    await connection.execute(
        insert_or_update(connection, asking, ["id"]), [{**row, "approved": at, "tags": list(tags)}]
    )


async def remove(connection: AsyncConnection, nodes: Sequence[str]) -> None:
    """They ask no more."""
    await connection.execute(delete(asking).where(asking.c.id.in_(list(nodes))))


async def prune(connection: AsyncConnection, before: int) -> None:
    """Deletes approvals from before a time."""
    await connection.execute(delete(asking).where(asking.c.approved < before))

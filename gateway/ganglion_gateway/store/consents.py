# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that wait for a person's consent, and what was decided, until their time is over."""

import json

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.store.tables import consents

WAITING = "waiting"
GRANTED = "granted"
REFUSED = "refused"


async def all_of(database: Database, now: int) -> list[Row]:
    """Those whose time is not over, the first first."""
    rows = await database.all(select(consents).where(consents.c.expires > now).order_by(consents.c.asked))
    return [{**row, "value": json.loads(row["value"])} for row in rows]


async def add(connection: AsyncConnection, row: Row, now: int) -> None:
    """One that waits; those whose time is over go, and what was left of it where its node broke off and asks again."""
    same = and_(consents.c.node == row["node"], consents.c.nonce == row["nonce"])
    await connection.execute(delete(consents).where(or_(consents.c.expires <= now, same)))
    await connection.execute(insert(consents), [{**row, "value": json.dumps(row["value"])}])


async def decide(connection: AsyncConnection, identity: str, *, state: str, by: str) -> bool:
    """What somebody has decided; says whether nobody had before."""
    mine = (consents.c.id == identity, consents.c.state == WAITING)
    return bool((await connection.execute(update(consents).where(*mine).values(state=state, by=by))).rowcount)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of several gateways does what only one may do, and the mesh that a database is of.

Times here are of the database's clock, since those of gateways differ.

On PostgreSQL nobody who takes a lease waits for who writes: a transaction that is fenced by `is_current` has the row
locked against `take` (`FOR KEY SHARE` and `FOR UPDATE`, PostgreSQL 13, section 13.3.2), and against no `renew`.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, Column, Select, String, Table, Text, cast, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.database import Database, insert_new
from ganglion_gateway.store.tables import metadata

#: One row a name. `holder` is the gateway that has it, "" nobody; `token` counts up whenever it is given, so that a
#: holder of before is told from the one of now.
leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

#: What is true of the whole database: `mesh` is the id of the mesh that it is of.
about = Table("about", metadata, Column("name", String(32), primary_key=True), Column("value", Text, nullable=False))


def _clock() -> Any:
    """Nanoseconds since the Unix epoch, by PostgreSQL's clock."""
    return cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000_000, BigInteger)


def _of(holder: str) -> Any:
    return leases.c.holder == holder


async def take(connection: AsyncConnection, name: str, holder: str, *, now: int | None, term: int) -> int | None:
    """Gives a lease that nobody holds; its token, or None where somebody does.

    Args:
        now: The time, of a gateway that is alone: whoever held the lease before has ended. None for others.
        term: Nanoseconds that it holds without being renewed.
    """
    row = {"name": name, "holder": "", "token": 0, "since": 0, "expires": 0}
    if (known := await _seen(connection, name)) is None:
        await connection.execute(insert_new(connection, leases), [row])
    elif now is None and known.is_held and known.holder != holder:
        return None  # most often; and it takes no lock
    known = await _seen(connection, name, lock=True)
    if known is None or (now is None and known.is_held and known.holder != holder):
        return None
    at = _clock() if now is None else now
    token: int = known.token + 1
    values = {"holder": holder, "token": token, "since": at, "expires": at + term}
    await connection.execute(update(leases).where(leases.c.name == name).values(values))
    return token


async def _seen(connection: AsyncConnection, name: str, *, lock: bool = False) -> Any:
    """A lease's `holder`, `token`, and whether somebody has it by the database's clock; None where there is no row."""
    lasts = leases.c.expires > _clock() if connection.dialect.name == "postgresql" else true()
    is_held = ((leases.c.holder != "") & lasts).label("is_held")
    statement = select(leases.c.holder, leases.c.token, is_held).where(leases.c.name == name)
    return (await connection.execute(statement.with_for_update() if lock else statement)).first()


async def held(database: Database, *, shared: bool) -> set[str]:
    """The names of all leases that somebody holds now. On SQLite, where there is one gateway, nobody else does."""
    if not shared:
        return set()
    statement = select(leases.c.name).where(leases.c.holder != "", leases.c.expires > _clock())
    return {row["name"] for row in await database.all(statement)}


async def forget(connection: AsyncConnection, prefix: str, *, but: str) -> None:
    """Deletes leases whose names begin so and that nobody holds: names that nobody takes again.

    Args:
        but: That of the gateway that asks. On SQLite, where it is alone, nobody has another.
    """
    those = [leases.c.name.startswith(prefix, autoescape=True), leases.c.name != but]
    if connection.dialect.name == "postgresql":
        those.append((leases.c.holder == "") | (leases.c.expires < _clock()))
    await connection.execute(delete(leases).where(*those))


async def renew(connection: AsyncConnection, holder: str, names: Collection[str], *, term: int) -> dict[str, int]:
    """Lets what a gateway holds hold longer; tokens by name. What somebody else has taken meanwhile is not among it.

    Args:
        names: Of what it knows that it holds. What it was given without hearing of it must run out.
    """
    mine = (_of(holder), leases.c.name.in_(names))
    statement = update(leases).where(*mine).values(expires=_clock() + term)
    return {row.name: row.token for row in await connection.execute(statement.returning(leases.c.name, leases.c.token))}


async def release(connection: AsyncConnection, name: str, holder: str, token: int) -> None:
    """Gives a lease back, where it is this one still."""
    mine = (leases.c.name == name, _of(holder), leases.c.token == token)
    await connection.execute(update(leases).where(*mine).values(holder="", expires=0))


async def is_current(connection: AsyncConnection, name: str, token: int) -> bool:
    """Whether nobody has been given a lease since, and nobody is until the transaction ends."""
    statement = select(leases.c.token).where(leases.c.name == name).with_for_update(read=True, key_share=True)
    return (await connection.execute(statement)).scalar() == token


def all_leases() -> Select[Any]:
    """Every lease, by name."""
    return select(leases).order_by(leases.c.name)


async def claim(connection: AsyncConnection, mesh: str) -> str:
    """Has a database be of a mesh, where it is of none yet; the mesh that it is of."""
    known = (await connection.execute(select(about.c.value).where(about.c.name == "mesh"))).scalar()
    if known is None:
        await connection.execute(insert(about), [{"name": "mesh", "value": mesh}])
        return mesh
    return str(known)

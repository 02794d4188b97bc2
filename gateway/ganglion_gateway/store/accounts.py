# SPDX-License-Identifier: GPL-3.0-or-later
"""People and their logins."""

import secrets
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.access_tables import logins, users
from ganglion_gateway.store.database import Database, Row, added


async def add_user(
    connection: AsyncConnection, *, name: str, role: str, password: str, must_change: bool, at: int
) -> Row | None:
    """A new user; None where the name is taken."""
    row = {
        "id": secrets.token_hex(8),
        "name": name,
        "role": role,
        "password": password,
        "must_change": must_change,
        "created": at,
        "changed": at,
    }
    return row if await added(connection, users, row) else None


async def all_users(database: Database, *, after: str, limit: int) -> list[Row]:
    """Users by name, from behind one."""
    return await database.all(select(users).where(users.c.name > after).order_by(users.c.name).limit(limit))


async def find_user(database: Database, name: str) -> Row | None:
    """A user by the name."""
    return await database.one(select(users).where(users.c.name == name))


async def user_by_id(database: Database, user: str) -> Row | None:
    """A user by the id."""
    return await database.one(select(users).where(users.c.id == user))


async def change_user(connection: AsyncConnection, user: str, **values: Any) -> None:
    """Other values for columns of a user."""
    await connection.execute(update(users).where(users.c.id == user).values(**values))


async def remove_user(connection: AsyncConnection, user: str) -> None:
    """A user and all of their logins."""
    await connection.execute(delete(users).where(users.c.id == user))


async def role_of(connection: AsyncConnection, user: str) -> str | None:
    """The role of a user, in a transaction; None where there is no such user any more."""
    found: str | None = (await connection.execute(select(users.c.role).where(users.c.id == user))).scalar()
    return found


async def admins(connection: AsyncConnection) -> list[str]:
    """Ids of users with the role admin."""
    return [row[0] for row in await connection.execute(select(users.c.id).where(users.c.role == "admin"))]


async def begin(connection: AsyncConnection, user: str, *, at: int, expires: int, address: str, client: str) -> Row:
    """A new login."""
    row = {
        "id": secrets.token_hex(8),
        "user": user,
        "counter": 0,
        "created": at,
        "used": at,
        "expires": expires,
        "address": address,
        "client": client,
    }
    await connection.execute(insert(logins), [row])
    return row


async def advance(connection: AsyncConnection, login: str, counter: int, *, at: int, idle: int) -> Row | None:
    """Counts a refresh, with the token of this counter; the row, or None where that is not the one that is good."""
    mine = (logins.c.id == login) & (logins.c.counter == counter) & (logins.c.expires > at) & (logins.c.used > idle)
    if not (await connection.execute(update(logins).where(mine).values(counter=counter + 1, used=at))).rowcount:
        return None
    row = (await connection.execute(select(logins).where(logins.c.id == login))).one()
    return dict(row._mapping)


async def find_login(database: Database, login: str) -> Row | None:
    """A login by its id."""
    return await database.one(select(logins).where(logins.c.id == login))


async def logins_of(database: Database, user: str, *, now: int, after: str, limit: int) -> list[Row]:
    """Logins of a user that hold, by id, from behind one."""
    mine = (logins.c.user == user) & (logins.c.expires > now) & (logins.c.id > after)
    return await database.all(select(logins).where(mine).order_by(logins.c.id).limit(limit))


async def end(connection: AsyncConnection, login: str) -> bool:
    """Ends a login; says whether there was one."""
    return bool((await connection.execute(delete(logins).where(logins.c.id == login))).rowcount)


async def end_all(connection: AsyncConnection, user: str, *, but: str = "") -> None:
    """Ends every login of a user but one."""
    await connection.execute(delete(logins).where(logins.c.user == user, logins.c.id != but))


async def holding(database: Database, now: int) -> list[Row]:
    """Logins that hold, each with `name`, `role` and `must_change` of its user."""
    columns = (logins.c.id, logins.c.user, logins.c.expires, users.c.name, users.c.role, users.c.must_change)
    return await database.all(select(*columns).join(users, users.c.id == logins.c.user).where(logins.c.expires > now))


async def prune(connection: AsyncConnection, now: int, idle: int) -> None:
    """Deletes logins whose time is over, or that were not refreshed since `idle`."""
    await connection.execute(delete(logins).where((logins.c.expires <= now) | (logins.c.used <= idle)))

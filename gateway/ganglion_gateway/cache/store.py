# SPDX-License-Identifier: GPL-3.0-or-later
"""A cache, and the one in the database. Values are texts; each is gone when its time is over."""

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.store.bridge_tables import cache
from ganglion_gateway.store.database import Database, insert_or_update


class Cache(Protocol):
    """What is kept of one kind."""

    async def get(self, key: str) -> str | None:
        """The value of a key; None where there is none, or the cache is away."""
        ...

    async def put(self, key: str, value: str, ttl: int) -> None:
        """Keeps a value for so many nanoseconds, in place of the one that was there; not where the cache is away."""
        ...

    async def aclose(self) -> None:
        """Closes its connections."""
        ...


class DatabaseCache:
    """A `Cache` in the gateway's database.

    Args:
        space: Of the keys: another kind has another one.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, database: Database, space: str, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._space = space
        self._clock = clock

    async def get(self, key: str) -> str | None:
        mine = (cache.c.space == self._space, cache.c.key == key, cache.c.expires > self._clock())
        found: str | None = await self._database.scalar(select(cache.c.value).where(*mine))
        return found

    async def put(self, key: str, value: str, ttl: int) -> None:
        now = self._clock()
        row = {"space": self._space, "key": key, "value": value, "expires": now + ttl}

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(cache).where(cache.c.expires <= now))
            await connection.execute(insert_or_update(connection, cache, ["space", "key"]), [row])

        await self._database.write(work, patient=True)

    async def aclose(self) -> None:
        pass

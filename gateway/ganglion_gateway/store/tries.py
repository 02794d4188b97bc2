# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong passwords as all gateways at one database count them together.

Of each address and account there is one row, with the time when all that was wrong is forgotten; then it is deleted.
There are as few of them as tries that `EVERYBODY` lets through until then.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.units import SECOND
from ganglion_gateway.store.bridge_tables import cache
from ganglion_gateway.store.database import Database, Row, insert_or_update

_SPACE = "wrong"


@dataclass(frozen=True, slots=True)
class Tries:
    """How often somebody may be wrong.

    Attributes:
        who: An address, an account, or all.
        most: At once.
        seconds: Until one of them is forgotten.
    """

    who: str
    most: int
    seconds: float

    @property
    def key(self) -> str:
        """Of its row: as long for a name of any length."""
        return hashlib.sha256(self.who.encode("utf-8", "replace")).hexdigest()

    def wait(self, forgotten: int, now: int) -> float:
        """Seconds until there may be one more; not above 0 where it may be now."""
        return (forgotten - now) / SECOND - (self.most - 1) * self.seconds


#: All of them together.
EVERYBODY = Tries("everybody", 100, 0.6)


async def wait(database: Database, tries: Sequence[Tries], now: int) -> float:
    """Seconds until each of them may try; 0 where they may."""
    known = _by_key(await database.all(_rows(tries)))
    return _wait(tries, known, now)


async def take(connection: AsyncConnection, tries: Sequence[Tries], now: int) -> float:
    """Counts one for each, where each may; else none: see `wait`."""
    await connection.execute(delete(cache).where(cache.c.space == _SPACE, cache.c.expires <= now))
    known = _by_key(row._asdict() for row in await connection.execute(_rows(tries)))
    if (seconds := _wait(tries, known, now)) == 0:
        await _put(connection, {each.key: max(now, known.get(each.key, 0)) + _one(each) for each in tries})
    return seconds


async def give_back(connection: AsyncConnection, tries: Sequence[Tries]) -> None:
    """It was right: takes back what `take` has counted."""
    known = _by_key(row._asdict() for row in await connection.execute(_rows(tries)))
    await _put(connection, {each.key: known[each.key] - _one(each) for each in tries if each.key in known})


def _rows(tries: Iterable[Tries]) -> Select[tuple[str, int]]:
    keys = [each.key for each in tries]
    return select(cache.c.key, cache.c.expires).where(cache.c.space == _SPACE, cache.c.key.in_(keys))


def _by_key(rows: Iterable[Row]) -> dict[str, int]:
    return {row["key"]: row["expires"] for row in rows}


def _one(each: Tries) -> int:
    return int(each.seconds * SECOND)


def _wait(tries: Iterable[Tries], known: dict[str, int], now: int) -> float:
    return max(0.0, *(each.wait(known.get(each.key, 0), now) for each in tries))


async def _put(connection: AsyncConnection, rows: dict[str, int]) -> None:
    if rows:
        values = [{"space": _SPACE, "key": key, "value": "", "expires": expires} for key, expires in rows.items()]
        await connection.execute(insert_or_update(connection, cache, ["space", "key"]), values)

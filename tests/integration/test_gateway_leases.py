# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: one gateway leads, another one goes on when it is gone, and what a former leader writes is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.leases import Lease, Leases, LostLeaseError
from ganglion_gateway.store import audit
from ganglion_gateway.store import leases as store
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.url import DatabaseUrl
from support.postgres import PostgresServer
from support.waiting import until

#: Seconds: short, so that a test need not wait for long.
TERM = 1.0
ON_POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


class Part:
    """What only one may do: writes a note, fenced, again and again."""

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self.database = database
        self.lease: Lease | None = None
        self.led: list[int] = []
        self.notes = 0

    async def run(self, lease: Lease) -> None:
        self.lease = lease
        self.led.append(lease.token)
        try:
            while True:
                await self.note(lease)
                await asyncio.sleep(0.02)
        finally:
            self.lease = None

    async def note(self, lease: Lease) -> None:
        async def work(connection: AsyncConnection) -> None:
            await audit.record(
                connection, at=1, actor=self.name, action="led", target="", detail={"token": lease.token}
            )

        await lease.write(self.database, work)
        self.notes += 1


async def notes(database: Database) -> list[tuple[str, int]]:
    """Who wrote under which token, in order, each change once."""
    rows = await audit.page(database, action="led", before=None, limit=10_000)
    found: list[tuple[str, int]] = []
    for row in reversed(rows):
        if not found or found[-1] != (row["actor"], row["detail"]["token"]):
            found.append((row["actor"], row["detail"]["token"]))
    return found


@pytest.fixture
async def two(store_url: DatabaseUrl) -> AsyncIterator[tuple[Database, Database]]:
    async with Database.open_(store_url) as one, Database.open_(store_url) as other:
        yield one, other


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_gateway_that_is_alone_leads_at_once_and_each_start_has_another_token(store_url: DatabaseUrl) -> None:
    tokens = []
    for _ in range(2):
        async with Database.open_(store_url) as database, Leases.open_(database) as leases:
            part = Part("one", database)
            leading = asyncio.create_task(leases.lead("part", part.run))
            await until(lambda part=part: part.lease is not None, what="the lead")
            assert leases.holds("part")
            with pytest.raises(ValueError, match="already"):
                await leases.lead("part", part.run)
            await ended(leading)
            assert not leases.holds("part")
            tokens += part.led
    assert tokens == [1, 2]


async def test_a_part_that_ends_or_fails_gives_its_lease_back(store_url: DatabaseUrl) -> None:
    async def end(lease: Lease) -> None:
        return

    async def fail(lease: Lease) -> None:
        raise OSError("no such disk")

    async with Database.open_(store_url) as database, Leases.open_(database) as leases:
        await leases.lead("part", end)
        with pytest.raises(OSError, match="no such disk"):
            await leases.lead("part", fail)
        await leases.lead("part", end)
        (row,) = await database.all(store.all_leases())
    assert row["token"] == 3


@ON_POSTGRESQL
async def test_one_of_two_leads_and_the_other_follows_when_it_stops(two: tuple[Database, Database]) -> None:
    one, other = Part("one", two[0]), Part("other", two[1])
    async with Leases.open_(two[0], term=TERM) as first, Leases.open_(two[1], term=TERM) as second:
        leading = asyncio.create_task(first.lead("part", one.run))
        await until(lambda: one.notes, what="the first leads")
        following = asyncio.create_task(second.lead("part", other.run))
        await asyncio.sleep(2 * TERM)  # renewed all the while
        assert (one.led, other.led) == ([1], [])
        await ended(leading)
        await until(lambda: other.notes, what="the other leads")
        await ended(following)
    assert await notes(two[0]) == [("one", 1), ("other", 2)]


@ON_POSTGRESQL
async def test_a_leader_that_was_stopped_for_long_writes_nothing_more(two: tuple[Database, Database]) -> None:
    one, other = Part("one", two[0]), Part("other", two[1])
    async with Leases.open_(two[0], term=60) as first, Leases.open_(two[1], term=TERM) as second:
        leading = asyncio.create_task(first.lead("part", one.run))
        await until(lambda: one.notes, what="the first leads")
        lease = one.lease
        assert lease is not None
        # For the database its time is over; it has not noticed
        await two[1].write(lambda connection: connection.exec_driver_sql("UPDATE leases SET expires = 1"))
        following = asyncio.create_task(second.lead("part", other.run))
        await until(lambda: other.notes, what="the other leads")
        await until(lambda: one.lease is None, what="the first has met the fence")
        with pytest.raises(LostLeaseError, match="another gateway has the lease 'part'"):
            await one.note(lease)
        before = one.notes
        await ended(following)
        await until(lambda: one.led == [1, 3] and one.notes > before, what="the first leads again")
        await ended(leading)
    assert await notes(two[0]) == [("one", 1), ("other", 2), ("one", 3)]


@ON_POSTGRESQL
async def test_who_cannot_reach_the_database_leads_no_more(
    two: tuple[Database, Database], postgres: PostgresServer
) -> None:
    async def work(lease: Lease) -> None:
        led.append(lease.token)
        await asyncio.sleep(3600)

    led: list[int] = []
    async with Leases.open_(two[0], term=TERM) as leases:
        leading = asyncio.create_task(leases.lead("part", work))
        await until(lambda: leases.holds("part"), what="the lead")
        await asyncio.to_thread(postgres.stop)
        try:
            await until(lambda: not leases.holds("part"), what="the lead given up")
        finally:
            await asyncio.to_thread(postgres.start)
        await until(lambda: led == [1, 2], what="the lead taken again")
        await ended(leading)


async def test_a_database_is_of_one_mesh(store_url: DatabaseUrl) -> None:
    async with Database.open_(store_url) as database:
        for mesh in ("first", "second", "first"):
            assert await database.write(lambda connection, mesh=mesh: store.claim(connection, mesh)) == "first"

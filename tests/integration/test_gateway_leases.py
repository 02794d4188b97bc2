# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: one gateway leads, another one goes on when it is gone, and what a former leader writes is refused."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import psycopg
import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion_gateway.leases import Lease, Leases, LostLeaseError
from ganglion_gateway.store import audit
from ganglion_gateway.store import leases as store
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.engines import TURN
from ganglion_gateway.store.url import DatabaseUrl
from support.postgres import PostgresServer
from support.waiting import until, until_answered

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


async def test_a_part_that_fails_ends_the_lead_and_gives_its_lease_back(store_url: DatabaseUrl) -> None:
    async def fail(lease: Lease) -> None:
        raise OSError("no such disk")

    async with Database.open_(store_url) as database, Leases.open_(database) as leases:
        for _ in range(2):
            with pytest.raises(OSError, match="no such disk"):
                await leases.lead("part", fail)
        (row,) = await database.all(store.all_leases())
    assert row["token"] == 2


async def test_a_part_that_ends_by_itself_is_begun_again(store_url: DatabaseUrl) -> None:
    led: list[int] = []

    async def end(lease: Lease) -> None:
        led.append(lease.token)
        if len(led) == 2:
            await asyncio.sleep(3600)

    async with Database.open_(store_url) as database, Leases.open_(database) as leases:
        leading = asyncio.create_task(leases.lead("part", end))
        with structlog.testing.capture_logs() as said:
            await until(lambda: led[:2] == [1, 2], what="the second time")
        await ended(leading)
    assert {line["reason"] for line in said if line["event"] == "leads no more"} == {"the part has ended by itself"}


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


class Blocked:
    """Somebody else's transaction at the same database, which has what a statement locks."""

    def __init__(self, postgres: PostgresServer, url: DatabaseUrl, statement: str) -> None:
        self._connection = psycopg.connect(postgres.url(url.parameters["dbname"]))
        self._statement = statement

    def __enter__(self) -> None:
        self._connection.execute(self._statement)

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def heedful(led: list[int]) -> Callable[[Lease], Awaitable[None]]:
    """A part that ends by itself when the lease is held no more, as jobs, groups and rollouts do."""

    async def run(lease: Lease) -> None:
        led.append(lease.token)
        while lease.held:  # noqa: ASYNC110 - parts do so, and that is what is tried here
            await asyncio.sleep(0.01)

    return run


@ON_POSTGRESQL
async def test_a_lease_whose_time_ran_out_is_taken_again(store_url: DatabaseUrl, postgres: PostgresServer) -> None:
    led: list[int] = []
    async with Database.open_(store_url) as database, Leases.open_(database, term=TERM) as leases:
        leading = asyncio.create_task(leases.lead("part", heedful(led)))
        await until(lambda: led, what="the lead")
        assert leases.unled() == []
        with (
            structlog.testing.capture_logs() as said,
            Blocked(postgres, store_url, "SELECT FROM leases WHERE name = 'part' FOR UPDATE"),
        ):
            await until(lambda: not leases.holds("part"), what="the lead given up")
            await until(lambda: leases.unled() == ["part"], what="nobody who leads")
        await until(lambda: led == [1, 2] and leases.holds("part"), what="the lead taken again")
        assert leases.unled() == []
        await ended(leading)
    lines = [(line["event"], line.get("reason")) for line in said]
    assert ("leads no more", "it was not renewed in time") in lines
    assert {"leases not renewed", "lease not given back, its time has to run out", "lease not taken"} <= {
        event for event, _ in lines
    }


@ON_POSTGRESQL
async def test_leases_do_not_wait_for_who_writes(store_url: DatabaseUrl, postgres: PostgresServer) -> None:
    led: list[int] = []
    async with Database.open_(store_url) as database, Leases.open_(database, term=TERM) as leases:
        with Blocked(postgres, store_url, TURN):
            leading = asyncio.create_task(leases.lead("part", heedful(led)))
            await until(lambda: led, what="the lead")
            await asyncio.sleep(2 * TERM)  # renewed all the while
            await ended(leading)
            assert led == [1]
            again = await leases.claim("part")
            assert again is not None
            assert again.token == 2


@ON_POSTGRESQL
async def test_nobody_takes_a_lease_in_the_middle_of_what_is_fenced(two: tuple[Database, Database]) -> None:
    async with Leases.open_(two[0], term=60) as first, Leases.open_(two[1], term=60) as second:
        lease = await first.claim("part")
        assert lease is not None
        taking: list[asyncio.Task[Lease | None]] = []

        async def work(connection: AsyncConnection) -> bool:
            await connection.exec_driver_sql("SELECT 1")
            async with first._engine.begin() as beside:  # type: ignore[union-attr]
                await beside.exec_driver_sql("UPDATE leases SET expires = 1")  # which waits as little as a renewal
            taking.append(asyncio.create_task(second.claim("part")))
            await until_answered(lambda: two[1].scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
            return taking[0].done()

        assert not await lease.write(two[0], work)
        taken = await taking[0]
        assert taken is not None
        assert taken.token == 2
        with pytest.raises(LostLeaseError):
            await lease.write(two[0], work)


@ON_POSTGRESQL
async def test_a_lease_that_could_not_be_given_back_runs_out(
    two: tuple[Database, Database], store_url: DatabaseUrl, postgres: PostgresServer
) -> None:
    async with Leases.open_(two[0], term=TERM) as first, Leases.open_(two[1], term=TERM) as second:
        kept, gone = await first.claim("kept"), await first.claim("gone")
        assert kept is not None
        assert gone is not None
        with Blocked(postgres, store_url, "SELECT FROM leases WHERE name = 'gone' FOR UPDATE"):
            await first.give_back(gone)
        # Though what the first one knows to hold is renewed
        await until_answered(lambda: second.claim("gone"), what="the lease of the other one")
        assert kept.held


@ON_POSTGRESQL
async def test_a_server_that_says_nothing_ends_the_lead(store_url: DatabaseUrl, postgres: PostgresServer) -> None:
    led: list[int] = []
    over = asyncio.Event()

    async def work(lease: Lease) -> None:
        led.append(lease.token)
        try:
            await asyncio.sleep(3600)
        finally:
            over.set()

    async with Database.open_(store_url) as database, Leases.open_(database, term=TERM) as leases:
        leading = asyncio.create_task(leases.lead("part", work))
        await until(lambda: led, what="the lead")
        own = f"datname = '{store_url.parameters['dbname']}' AND application_name = 'ganglion-gateway'"
        found = postgres.sql(f"SELECT pid FROM pg_stat_activity WHERE {own}")
        backends = [pid for (pid,) in found if isinstance(pid, int)]
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            await until(over.is_set, what="the lead given up")
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        await until(lambda: led == [1, 2], what="the lead taken again")
        await ended(leading)


async def test_a_database_is_of_one_mesh(store_url: DatabaseUrl) -> None:
    async with Database.open_(store_url) as database:
        for mesh in ("first", "second", "first"):
            assert await database.write(lambda connection, mesh=mesh: store.claim(connection, mesh)) == "first"

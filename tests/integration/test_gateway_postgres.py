# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL has and SQLite has not: a server that restarts, others that write, and accounts."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, UnreachableError
from ganglion.units import SECOND
from ganglion_gateway.access.entrance import Entrance, TooOftenError, WrongError
from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.passwords import Passwords
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import accounts, audit, fleet, tries, webhooks
from ganglion_gateway.store.bridge_tables import cache
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.engines import TURN
from ganglion_gateway.store.tables import groups
from ganglion_gateway.store.url import DatabaseUrl
from support.gateway import NO_BROKER, here, process
from support.mesh import NOW
from support.postgres import USER, PostgresServer
from support.waiting import until


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[DatabaseUrl]:
    made = postgres.database(migrated=True)
    yield made
    postgres.drop(made)


def name_of(url: DatabaseUrl) -> str:
    return str(url.parameters["dbname"])


async def note(database: Database, action: str) -> None:
    await database.write(
        lambda connection: audit.record(connection, at=1, actor="test", action=action, target="", detail={})
    )


async def notes(database: Database) -> list[str]:
    return [row["action"] for row in reversed(await audit.page(database, action=None, before=None, limit=1000))]


async def test_writes_go_on_when_the_server_has_restarted(url: DatabaseUrl, postgres: PostgresServer) -> None:
    async with Database.open_(url) as database:
        await note(database, "before")
        assert await notes(database) == ["before"]
        for how in (signal.SIGINT, signal.SIGQUIT):
            await asyncio.to_thread(postgres.stop, how)
            waiting = asyncio.create_task(note(database, how.name))
            await asyncio.sleep(0.2)  # it fails to connect at least once
            await asyncio.to_thread(postgres.start)
            await waiting
        assert await notes(database) == ["before", "SIGINT", "SIGQUIT"]


async def test_every_connection_ends_some_seconds_after_its_server_has_vanished(url: DatabaseUrl) -> None:
    async def seconds(connection: AsyncConnection) -> tuple[float, int]:
        driven = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driven, psycopg.AsyncConnection)
        with socket.socket(fileno=os.dup(driven.fileno())) as sock:
            unheard = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            return unheard / 1000, sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)

    async with Database.open_(url) as database:
        found = [await database.write(seconds), await database.write_readings(seconds)]
        async with database.reading() as connection:
            found.append(await seconds(connection))
    assert found == [(15, 10)] * 3


async def test_two_gateways_write_one_after_the_other(url: DatabaseUrl) -> None:
    async def count(connection: AsyncConnection) -> None:
        (nodes,) = (await connection.execute(select(groups.c.nodes).where(groups.c.name == "g"))).scalars()
        await asyncio.sleep(0)
        await connection.execute(update(groups).where(groups.c.name == "g").values(nodes=[*nodes, len(nodes)]))

    async with Database.open_(url) as one, Database.open_(url) as other:
        row: dict[str, Any] = {"name": "g", "nodes": [], "tags": [], "created": 1}
        await one.write(lambda connection: connection.execute(insert(groups), [row]))
        for _ in range(10):
            await asyncio.gather(*(database.write(count) for database in (one, other) for _ in range(5)))
        assert await one.scalar(select(groups.c.nodes)) == list(range(100)), "none has read what another then changed"


async def test_who_stops_in_the_middle_of_a_transaction_does_not_stop_the_others(
    url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, go_on = asyncio.Event(), asyncio.Event()

    async def stop(connection: AsyncConnection) -> None:
        await audit.record(connection, at=1, actor="test", action="late", target="", detail={})
        stopped.set()
        await go_on.wait()
        await connection.execute(text("SELECT 1"))

    monkeypatch.setattr("ganglion_gateway.store.engines._STOPPED", 1)
    async with Database.open_(url) as one, Database.open_(url) as other:
        hanging = asyncio.create_task(one.write(stop))
        await stopped.wait()
        await note(other, "goes on")
        go_on.set()
        await hanging
        assert await notes(other) == ["goes on", "late"], "what was broken off is done again, once"


async def test_gateways_count_wrong_passwords_together_and_forget_them(url: DatabaseUrl) -> None:
    now = [NOW]

    async def wrong(at: Entrance, name: str, address: str, password: str = "wrong") -> bool:
        """Whether the password was looked at."""
        try:
            await at.check(name, password, address)
        except WrongError:
            return True
        except TooOftenError as error:
            assert 0 < error.wait <= 300
            return False
        raise AssertionError("it was right")

    async with Database.open_(url) as one, Database.open_(url) as two:
        passwords = Passwords(memory=8, passes=1)
        both = [Entrance(each, Failures(), passwords, lambda: now[0]) for each in (one, two)]
        hash = await passwords.hash("right")
        user = {"name": "olena", "role": "viewer", "password": hash, "must_change": False, "at": NOW}
        await one.write(lambda connection: accounts.add_user(connection, **user))
        for _ in range(12):  # who is right is not counted
            await both[0].check("olena", "right", "192.0.2.1")
        tried = [await wrong(both[each % 2], "olena", f"192.0.2.{each}") for each in range(2, 18)]
        assert tried == [True] * 10 + [False] * 6, "an account has ten, however many gateways there are"
        assert not await wrong(both[1], "olena", "192.0.2.99", "right")
        now[0] += 30 * SECOND
        await both[1].check("olena", "right", "192.0.2.99")
        tried = [await wrong(both[each % 2], f"nobody{each}", "198.51.100.7") for each in range(12)]
        assert tried == [True] * 10 + [False] * 2, "so has an address"
        for each in range(150):  # everybody, as from a net of addresses: what is kept has an end
            together = [tries.Tries(f"address {each}", 10, 6), tries.EVERYBODY]
            await two.write_readings(lambda connection, rows=together: tries.take(connection, rows, now[0]))
        assert len(await one.all(select(cache.c.key))) <= 120
        now[0] += 400 * SECOND
        await both[0].check("olena", "right", "198.51.100.7")
        assert await one.all(select(cache.c.key).where(cache.c.expires > now[0])) == []


async def test_readings_wait_for_nobody_who_writes(url: DatabaseUrl, postgres: PostgresServer) -> None:
    row = {"node": "n" * 26, "sensor": "door", "number": 1.0, "value": None, "confidential": ""}
    rows = [{**row, "timestamp": at} for at in range(100)]
    async with Database.open_(url) as one, Database.open_(url) as other:
        with psycopg.connect(postgres.url(name_of(url))) as writer:
            writer.execute(TURN)
            # Both gateways hear every node
            await asyncio.gather(
                *(
                    store.write_readings(lambda connection: fleet.save_readings(connection, rows))
                    for store in (one, other)
                )
            )
            keep = Retention(readings_count=10)
            await one.write_readings(lambda connection: fleet.prune(connection, [("n" * 26, "door")], keep, 0))
        assert len(await fleet.history(one, ["n" * 26], "door", since=0, limit=1000)) == 10


async def test_text_that_postgresql_has_no_letter_for_is_an_error_to_nobody(url: DatabaseUrl, tmp_path: Path) -> None:
    async with here(tmp_path / "state", database=url) as site:
        assert (await site.http.get("/api/v1/webhooks/wh%00x/messages")).status_code == 404
        assert (await site.http.delete("/api/v1/webhooks/wh%00x")).status_code == 404
        made = await site.post("/webhooks", {"url": "https://example.org/", "name": "a\u2400b"})
        assert (await webhooks.find(site.services.database, made["id"]) or {})["name"] == "a\u2400b"


async def test_a_database_of_another_encoding_is_refused(postgres: PostgresServer) -> None:
    postgres.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(InvalidError, match=r"SQL_ASCII.*createdb -E UTF8"):
        async with Database.open_(DatabaseUrl.parse(postgres.url("ascii"))):
            pass


async def test_what_cannot_be_used_is_named(postgres: PostgresServer) -> None:
    with pytest.raises(UnreachableError, match='database "nowhere" does not exist'):
        async with Database.open_(DatabaseUrl.parse(postgres.url("nowhere"))):
            pass
    with pytest.raises(UnreachableError, match="refused"):
        async with Database.open_(DatabaseUrl.parse("postgresql://x@127.0.0.1:1/x")):
            pass


async def test_commits_wait_for_the_disk_though_the_database_says_otherwise(
    url: DatabaseUrl, postgres: PostgresServer
) -> None:
    postgres.sql(f"ALTER DATABASE {name_of(url)} SET synchronous_commit = off")
    async with Database.open_(url) as database:
        show = text("SHOW synchronous_commit")
        assert await database.write(lambda connection: connection.scalar(show)) == "on"


async def test_the_command_takes_its_password_from_a_file_and_shows_it_to_nobody(
    url: DatabaseUrl, postgres: PostgresServer, tmp_path: Path
) -> None:
    account = tmp_path / "account"
    account.write_text(f"{USER}:swordfish\n")
    where = f"postgresql://127.0.0.1:{postgres.port}/{name_of(url)}"
    words = ["--database", f"{where}?account={account}", "--log", "debug"]
    async with process(tmp_path / "state", NO_BROKER, *words) as gateway:
        assert (await gateway.http.get("/health/ready")).json()["checks"]["database"] == "ok"
        assert await gateway.end() == 0
        assert "swordfish" not in gateway.log.read_text()
    assert not list((tmp_path / "state").glob("gateway.db*")), "what is stored is in PostgreSQL alone"
    assert postgres.sql("SELECT count(*) FROM api_keys", name_of(url)) == [(1,)]


def test_a_password_on_the_command_line_is_refused(tmp_path: Path) -> None:
    words = ["gateway", "--state", str(tmp_path), "--database", "postgresql://me:swordfish@127.0.0.1/x"]
    done = subprocess.run([sys.executable, "-m", "ganglion", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "account=FILE" in done.stderr
    assert "swordfish" not in done.stderr


async def test_a_gateway_outlives_an_outage_of_its_database(
    url: DatabaseUrl, postgres: PostgresServer, tmp_path: Path
) -> None:
    async with here(tmp_path / "state", database=url) as site:
        await until(lambda: site.services.leases.holds("relay"), what="it leads")
        await asyncio.to_thread(postgres.stop)
        try:
            answer = await site.http.get("/api/v1/events")
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert "the database cannot be used now" in answer.json()["detail"]
            assert (await site.stranger.get("/health/ready")).status_code == 503
            assert (await site.stranger.get("/health/live")).status_code == 200
            await until(lambda: not site.services.leases.holds("relay"), within=60, what="it leads no more")
        finally:
            await asyncio.to_thread(postgres.start)
        await until(lambda: site.services.leases.holds("relay"), within=60, what="it leads again")
        assert (await site.get("/events"))["events"] == []
        assert not site.gateway.ended.done(), "every part goes on"

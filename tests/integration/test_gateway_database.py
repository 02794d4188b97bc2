# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's database, as a real file: what is committed, once, together, and after a start in between."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import insert, select
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.mesh.authority import Authority
from ganglion.mesh.enrol import EnrolKey
from ganglion_gateway.rows import Batch
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import accounts, events, fleet, hooks, idempotency, webhooks
from ganglion_gateway.store import keys as key_store
from ganglion_gateway.store.database import Database, why
from ganglion_gateway.store.keys import EnrolKeys
from ganglion_gateway.store.tables import api_keys, readings
from ganglion_gateway.store.url import DatabaseUrl
from support.mesh import HOUR, NOW

NODE = "n" * 26


@pytest.fixture
async def database(store_url: DatabaseUrl) -> AsyncIterator[Database]:
    async with Database.open_(store_url) as opened:
        yield opened


def event(seq: int, *, cls: str = "alert", epoch: int = 1, run: str = "r1") -> dict[str, Any]:
    return {
        "id": f"{NODE}-{epoch}-{seq}",
        "node": NODE,
        "cls": cls,
        "epoch": epoch,
        "seq": seq,
        "topic": "alert/fridge",
        "value": {"celsius": 8.5},
        "source": "fridge",
        "run": run,
        "timestamp": NOW,
        "sealed": NOW,
        "received": NOW,
        "stored": NOW,
    }


def endpoint(identity: str, *, classes: tuple[str, ...] = ("alert",), enabled: bool = True) -> dict[str, Any]:
    return {
        "id": identity,
        "name": identity,
        "url": "https://example.org/hook",
        "secret": "whsec_x",
        "classes": list(classes),
        "allow_http": False,
        "allow_private": False,
        "enabled": enabled,
        "created": NOW,
    }


async def save(database: Database, *rows: dict[str, Any], episodes: tuple[dict[str, Any], ...] = ()) -> list[str]:
    batch = Batch(events=list(rows), episodes=list(episodes), refused=0, relays=[])
    fresh = await database.write(lambda connection: events.save(connection, batch, NOW))
    return [row["id"] for row in fresh]


async def waiting(database: Database, name: str) -> list[str]:
    rows = await webhooks.history(database, name, state=webhooks.PENDING, before=None, limit=100)
    return [row["event"] for row in reversed(rows)]


async def test_the_file_is_the_owners_alone_and_has_a_write_ahead_log(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    async with Database.open_(file):
        pass
    assert file.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(file)) as direct:
        assert direct.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_what_was_stored_is_there_after_a_start(store_url: DatabaseUrl) -> None:
    async with Database.open_(store_url) as first:
        await save(first, event(1))
    async with Database.open_(store_url) as second:
        found = await events.find(second, f"{NODE}-1-1")
    assert found is not None
    assert (found["cls"], found["value"]) == ("alert", {"celsius": 8.5})


async def test_an_event_is_stored_once_however_often_it_comes(database: Database) -> None:
    assert await save(database, event(1), event(2)) == [f"{NODE}-1-1", f"{NODE}-1-2"]
    assert await save(database, event(2), event(3), event(3)) == [f"{NODE}-1-3"]
    page = await events.page(database, cls=None, node=None, before=None, limit=10)
    assert [row["seq"] for row in page] == [3, 2, 1]


async def test_the_same_number_in_another_boot_is_another_event(database: Database) -> None:
    await save(database, event(1, epoch=1), event(1, epoch=2))
    assert len(await events.page(database, cls=None, node=None, before=None, limit=10)) == 2


async def test_an_event_and_its_webhooks_are_written_together(database: Database) -> None:
    for row in (endpoint("a"), endpoint("b", classes=("*",)), endpoint("c", enabled=False)):
        await database.write(lambda connection, row=row: webhooks.save(connection, row))
    await save(database, event(1), event(2, cls="log"))
    await save(database, event(1))
    assert await waiting(database, "a") == [f"{NODE}-1-1"]
    assert await waiting(database, "b") == [f"{NODE}-1-1", f"{NODE}-1-2"]
    assert await waiting(database, "c") == []


async def test_neither_an_event_nor_its_webhooks_stay_when_the_transaction_fails(database: Database) -> None:
    await database.write(lambda connection: webhooks.save(connection, endpoint("a")))

    async def fails(connection: AsyncConnection) -> None:
        await events.save(connection, Batch(events=[event(1)], episodes=[], refused=0, relays=[]), NOW)
        raise RuntimeError("the power goes")

    with pytest.raises(RuntimeError, match="the power goes"):
        await database.write(fails)
    assert await events.find(database, f"{NODE}-1-1") is None
    assert await waiting(database, "a") == []


async def test_what_fails_is_undone_alone(database: Database) -> None:
    async def fails(connection: AsyncConnection) -> None:
        await events.save(connection, Batch(events=[event(1)], episodes=[], refused=0, relays=[]), NOW)
        raise RuntimeError("no")

    outcomes = await asyncio.gather(
        save(database, event(2)), database.write(fails), save(database, event(3)), return_exceptions=True
    )
    assert isinstance(outcomes[1], RuntimeError)
    page = await events.page(database, cls=None, node=None, before=None, limit=10)
    assert sorted(row["seq"] for row in page) == [2, 3]


async def test_writes_of_one_moment_share_a_commit(database: Database) -> None:
    before = database.writer.commits
    await asyncio.gather(*(save(database, event(seq)) for seq in range(100)))
    assert database.writer.commits - before <= 2
    assert len(await events.page(database, cls=None, node=None, before=None, limit=200)) == 100


async def test_readers_cannot_write(database: Database) -> None:
    async with database.reading() as connection:
        with pytest.raises(Exception, match=r"readonly|read-only"):
            await connection.execute(insert(api_keys), [{"id": "x", "name": "", "role": "", "digest": b""}])
    assert await database.one(select(api_keys)) is None


async def test_the_page_after_a_number_goes_on_where_the_first_ended(database: Database) -> None:
    await save(database, *(event(seq) for seq in range(5)))
    first = await events.page(database, cls="alert", node=[NODE], before=None, limit=3)
    second = await events.page(database, cls="alert", node=[NODE], before=first[-1]["number"], limit=3)
    assert [row["seq"] for row in [*first, *second]] == [4, 3, 2, 1, 0]


async def test_an_episode_is_found_by_its_run(database: Database) -> None:
    told = {
        "id": f"{NODE}-1-1",
        "node": NODE,
        "run": "r1",
        "script": "fridge",
        "status": "completed",
        "started": NOW,
        "body": {"id": "r1", "steps": []},
    }
    await save(database, event(1, cls="episode"), episodes=(told,))
    assert await events.episode(database, [NODE], "r1") == {"id": "r1", "steps": []}
    assert await events.episode(database, [NODE], "r2") is None
    later = told | {"id": f"{NODE}-1-2", "run": "r2", "started": NOW + 1, "body": {"id": "r2", "steps": []}}
    await save(database, event(2, cls="episode"), episodes=(later,))
    assert await events.episode(database, [NODE], None) == {"id": "r2", "steps": []}
    assert await events.episode(database, ["m" * 26], None) is None
    assert await events.episode(database, ["m" * 26], "r1") is None


async def test_a_reading_of_an_instant_is_kept_once(database: Database) -> None:
    def reading(number: float, at: int) -> dict[str, Any]:
        group = {"confidential": "hall" if number == 5.0 else ""}
        return {"node": NODE, "sensor": "fridge.temperature", "timestamp": at, "number": number, "value": None, **group}

    for rows in ([reading(4.0, NOW), reading(5.0, NOW + 1)], [reading(9.0, NOW)]):
        await database.write(lambda connection, rows=rows: fleet.save_readings(connection, rows), patient=True)
    found = await fleet.history(database, [NODE], "fridge.temperature", since=0, limit=10)
    assert [row["number"] for row in found] == [4.0, 5.0]
    latest = await fleet.latest(database)
    assert [(row["number"], row["confidential"]) for row in latest] == [(5.0, "hall")], "a restart knows it"


async def test_readings_of_every_kind_come_back_as_they_were(database: Database) -> None:
    values: list[tuple[float | None, Any]] = [(1.5, None), (None, "a\x00b"), (None, {"x": [1, None]}), (-0.25, None)]
    rows = [
        {"node": NODE, "sensor": "door", "timestamp": NOW + at, "number": number, "value": value, "confidential": ""}
        for at, (number, value) in enumerate(values)
    ]
    await database.write_readings(lambda connection: fleet.save_readings(connection, rows))
    found = await fleet.history(database, [NODE], "door", since=0, limit=10)
    assert [(row["number"], row["value"]) for row in found] == values


async def test_of_each_stream_what_is_too_old_or_too_many_goes_by_one_statement_for_all(database: Database) -> None:
    keep = Retention(readings_age=100, readings_count=3)

    def read(sensor: str, *ages: int) -> list[dict[str, Any]]:
        row = {"node": NODE, "sensor": sensor, "number": 1.0, "value": None, "confidential": ""}
        return [{**row, "timestamp": NOW - age} for age in ages]

    rows = [*read("old", 1, 100, 101, 500), *read("many", 1, 2, 3, 4, 5), *read("few", 7), *read("other", 900)]
    streams = [(NODE, sensor) for sensor in ("old", "many", "few", *(f"none{each}" for each in range(200)))]
    statements: list[str] = []

    async def work(connection: AsyncConnection) -> int:
        await fleet.save_readings(connection, rows)
        sync = connection.sync_connection
        assert sync is not None

        def count(*given: Any) -> None:
            statements.append(given[2])

        listen(sync, "before_cursor_execute", count)
        try:
            return await fleet.prune(connection, streams, keep, NOW)
        finally:
            remove(sync, "before_cursor_execute", count)

    assert await database.write_readings(work) == 4
    assert len(statements) == 1
    kept = await database.all(select(readings.c.sensor, readings.c.timestamp))
    left = sorted((row["sensor"], NOW - row["timestamp"]) for row in kept)
    assert left == [("few", 7), ("many", 1), ("many", 2), ("many", 3), ("old", 1), ("old", 100), ("other", 900)]
    assert await database.write_readings(lambda connection: fleet.prune(connection, [], keep, NOW)) == 0


async def test_work_that_takes_long_is_committed_in_parts_in_its_order(database: Database) -> None:
    done: list[int] = []

    async def work(connection: AsyncConnection, number: int) -> None:
        await asyncio.sleep(0.15)
        done.append(number)

    before = database.writer.commits
    await asyncio.gather(*(database.write(partial(work, number=number)) for number in range(6)))
    assert done == list(range(6))
    assert database.writer.commits - before >= 3, "another gateway had its turn between them"


class Keys:
    """Enrol keys in the database, with an authority."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.store = EnrolKeys(database, Authority.open(folder / "authority", now=NOW))
        self._database = database

    async def create(self, uses: int) -> EnrolKey:
        def work(connection: AsyncConnection) -> Any:
            return self.store.create(connection, name="", tags=["lab"], uses=uses, created=NOW, expires=NOW + HOUR)

        key, _ = await self._database.write(work)
        return key

    async def left(self) -> int:
        return (await self.store.all())[0]["uses_left"]


@pytest.fixture
def keys(database: Database, tmp_path: Path) -> Keys:
    return Keys(database, tmp_path)


async def test_an_enrol_key_is_found_with_what_proves_it_and_without_its_secret(
    keys: Keys, database: Database, tmp_path: Path
) -> None:
    key = await keys.create(1)
    record = await keys.store.find(key.key_id)
    assert record is not None
    assert (record.mac_key, record.tags, record.expires) == (key.mac_key, ("lab",), NOW + HOUR)
    assert await keys.store.find(b"\0" * 8) is None
    if database.shared:
        return
    stored = b"".join(path.read_bytes() for path in (tmp_path / "gateway.db", tmp_path / "gateway.db-wal"))
    assert key.mac_key in stored
    assert key.secret not in stored


async def test_many_nodes_at_once_get_no_more_than_the_uses_of_a_key(keys: Keys) -> None:
    key = await keys.create(3)
    taken = await asyncio.gather(*(keys.store.take(key.key_id, f"node{i}", NOW) for i in range(10)))
    assert sum(taken) == 3
    assert await keys.left() == 0


async def test_a_node_that_asks_again_takes_no_second_use(keys: Keys) -> None:
    key = await keys.create(2)
    assert await asyncio.gather(*(keys.store.take(key.key_id, NODE, NOW) for _ in range(5))) == [True] * 5
    assert await keys.left() == 1


async def test_a_node_that_was_refused_may_not_come_in_by_asking_again(keys: Keys) -> None:
    key = await keys.create(1)
    assert await keys.store.take(key.key_id, NODE, NOW)
    assert not await keys.store.take(key.key_id, "late", NOW)
    assert not await keys.store.take(key.key_id, "late", NOW)


async def test_an_expired_or_unknown_key_is_not_taken(keys: Keys) -> None:
    key = await keys.create(1)
    assert not await keys.store.take(key.key_id, NODE, NOW + HOUR)
    assert not await keys.store.take(b"\0" * 8, NODE, NOW)


async def test_api_keys_of_a_database_from_before_users_keep_their_role(store_url: DatabaseUrl) -> None:
    async with Database.open_(store_url) as database:

        async def work(connection: AsyncConnection) -> None:
            for name, scopes in (("old", None), ("new", ["read"])):
                role = "viewer" if scopes is None else "scopes"
                await key_store.save_api_key(
                    connection, name=name, role=role, digest=name.encode(), created=1, scopes=scopes, expires=2
                )
            user = await accounts.add_user(connection, name="olena", role="admin", password="", must_change=True, at=1)
            assert user is not None
            await accounts.begin(connection, user["id"], at=1, expires=2, address="", client="")

        await database.write(work)
        await database.revise(lambda settings: command.downgrade(settings, "0007"))
        await database.migrate()
        [row] = await key_store.active_api_keys(database)
        assert (row["name"], row["role"], row["scopes"], row["expires"]) == ("old", "viewer", None, None)
        assert await accounts.all_users(database, after="", limit=9) == []
        with pytest.raises(IntegrityError):  # a digest is still one key's
            await database.write(work)


async def test_who_is_second_with_a_key_is_told(database: Database) -> None:
    """Each place in the store that decides by whether a row was new."""

    async def begin(connection: AsyncConnection) -> bool:
        taken = await idempotency.begin(connection, "me", "key", asked=b"x", now=1, expires=9)
        user = await accounts.add_user(connection, name="o", role="admin", password="", must_change=False, at=1)
        said = {"hook": "h", "message": "m", "body": "", "stamp": 1, "event": "", "expires": 9}
        return taken is None and user is not None and await hooks.take(connection, said) is None

    texts = dict.fromkeys(("name", "scheme", "header", "secret", "topic", "cls", "node"), "")
    await database.write(lambda connection: hooks.add(connection, {"id": "h", **texts, "rate": 1, "created": 1}))
    assert [await database.write(begin) for _ in range(3)] == [True, False, False]
    users = await accounts.all_users(database, after="", limit=9)
    assert [row["name"] for row in users] == ["o"]


async def test_what_was_to_be_stored_is_not_in_an_error(database: Database) -> None:
    row = {**endpoint("wh_1"), "secret": "whsec_hunter2", "name": None}
    with pytest.raises(IntegrityError) as caught:
        await database.write(lambda to: webhooks.save(to, row))
    assert "[parameters:" not in str(caught.value)
    assert "hunter2" not in why(caught.value)
    assert why(caught.value).count("\n") == 0
    assert "name" in why(caught.value)

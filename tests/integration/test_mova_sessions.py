# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions in memory, in SQLite and in a real Redis: one behaviour, and what each of them goes through."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from ganglion.clock import Clock
from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.mova.ports import SessionStore
from ganglion.mova.session.fields import MAX_BYTES, MAX_TTL
from ganglion.mova.session.memory import MemoryStore
from ganglion.mova.session.sqlite import SQLiteStore
from ganglion.mova.session.store import open_store
from ganglion.units import SECOND
from support.certificates import make_certificates
from support.redis_server import RedisServer, redis_server

STORES = ("memory", "sqlite", "redis")


@asynccontextmanager
async def opened(kind: str, path: Path) -> AsyncIterator[SessionStore]:
    if kind == "redis":
        async with redis_server(path / "redis") as server:
            store = open_store(server.url, Clock())
            yield store
            await store.aclose()
    else:
        store = open_store("memory:" if kind == "memory" else f"sqlite:///{path}/sessions.db", Clock())
        yield store
        await store.aclose()


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionStore]:
    """Each of the stores, over its URL."""
    async with opened(request.param, tmp_path) as store:
        yield store


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator["Redis"]:
    """What somebody else does on the server."""
    client = Redis(port=server.port, decode_responses=True)
    yield client
    await client.aclose()


async def test_what_is_saved_is_loaded(store: SessionStore) -> None:
    data = {"name": "Олена", "deep": {"list": [1, 2.5, None, True], "text": "a\n\0"}, "count": 0, "": {}}
    assert await store.load("guest 1") is None
    await store.save("guest 1", None, data, 60)
    assert await store.load("guest 1") == data
    assert await store.load("guest") is None
    assert await store.ids() == ["guest 1"]


async def test_a_session_without_data_is_a_session(store: SessionStore) -> None:
    await store.save("a", None, {}, 60)
    assert await store.load("a") == {}
    await store.save("a", {}, {"x": 1}, 60)
    await store.save("a", {"x": 1}, {}, 60)
    assert await store.load("a") == {}


async def test_what_is_deleted_is_gone(store: SessionStore) -> None:
    await store.save("a", None, {"x": 1}, 60)
    await store.save("b", None, {"x": 2}, 60)
    assert await store.delete("a")
    assert not await store.delete("a")
    assert await store.load("a") is None
    assert await store.ids() == ["b"]


async def test_two_runs_at_once_lose_nothing_of_each_other(store: SessionStore) -> None:
    await store.save("a", None, {"one": 1, "two": [2], "both": 0, "old": 0, "kept": True}, 60)
    first, second = await store.load("a"), await store.load("a")
    assert first is not None
    await store.save("a", first, {**first, "one": 10, "both": 1, "new": "x"}, 60)
    assert second is not None
    changed = {**second, "two": [2, 3], "both": 2}
    del changed["old"]
    await store.save("a", second, changed, 60)
    assert await store.load("a") == {"one": 10, "two": [2, 3], "both": 2, "new": "x", "kept": True}


async def test_true_is_another_value_than_one(store: SessionStore) -> None:
    await store.save("a", None, {"x": 1}, 60)
    await store.save("a", {"x": 1}, {"x": True}, 60)
    assert (await store.load("a") or {})["x"] is True


async def test_a_session_that_ended_during_a_run_is_kept_whole(store: SessionStore) -> None:
    await store.save("a", None, {"x": 1, "y": 2}, 60)
    await store.delete("a")
    await store.save("a", {"x": 1, "y": 2}, {"x": 1, "y": 3}, 60)
    assert await store.load("a") == {"x": 1, "y": 3}


async def test_many_savers_at_once(store: SessionStore) -> None:
    await asyncio.gather(*(store.save("a", {}, {f"key{i}": i}, 60) for i in range(20)))
    assert await store.load("a") == {f"key{i}": i for i in range(20)}


async def test_a_time_to_live_may_be_very_long(store: SessionStore) -> None:
    await store.save("a", None, {"x": 1}, 1 << 62)
    assert await store.load("a") == {"x": 1}


@pytest.mark.parametrize("session_id", ["", "x" * 257, "a\nb", "\ud800"])
async def test_an_id_that_cannot_be_kept_is_refused(store: SessionStore, session_id: str) -> None:
    for call in (store.load(session_id), store.save(session_id, None, {}, 60), store.delete(session_id)):
        with pytest.raises(InvalidError, match="no id of a session"):
            await call


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"x": float("nan")}, "cannot be kept as JSON"),
        ({"x": b"bytes"}, "cannot be kept as JSON"),
        ({"x": "\ud800"}, "cannot be kept as JSON"),
        ({"\ud800": 1}, "cannot be kept as JSON"),
        ({7: 1}, "cannot be kept as JSON"),
        ({"_metadata": 1}, "'_metadata' cannot be the name"),
        ({"x": "є" * (MAX_BYTES // 2)}, "at most 64 KiB"),
    ],
    ids=["nan", "bytes", "value", "name", "number", "metadata", "large"],
)
async def test_what_cannot_be_kept_is_refused_and_changes_nothing(
    store: SessionStore, data: dict[str, Any], words: str
) -> None:
    await store.save("a", None, {"y": 1}, 60)
    with pytest.raises(InvalidError, match=words):
        await store.save("a", {"y": 1}, data, 60)
    assert await store.load("a") == {"y": 1}


async def test_the_largest_session_is_kept(store: SessionStore) -> None:
    data = {"x": "a" * (MAX_BYTES - 3)}  # the name, and two quotes
    await store.save("a", None, data, 60)
    assert await store.load("a") == data
    with pytest.raises(InvalidError, match="65537 bytes"):
        await store.save("a", {}, {"x": data["x"] + "a"}, 60)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 1_767_225_600 * SECOND

    def now(self) -> int:
        return self.time

    steady = now

    def shift(self) -> int:
        return 0


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=5,
).filter(lambda value: "Infinity" not in json.dumps(value))
DATA = st.dictionaries(st.sampled_from(["a", "b", "c", "імʼя"]), VALUES, max_size=4)
IDS = st.sampled_from(["one", "two"])
CALLS = st.lists(
    st.tuples(st.just("save"), IDS, DATA, DATA, st.integers(1, 20))
    | st.tuples(st.just("delete"), IDS)
    | st.tuples(st.just("wait"), st.integers(0, 15)),
    max_size=15,
)


def apply(model: dict[str, tuple[dict[str, Any], int]], now: int, call: tuple[Any, ...]) -> None:
    """What a save or delete does, said plainly."""
    match call:
        case ("save", session_id, before, after, ttl):
            kept = model[session_id][0] if session_id in model else {**before}
            same = [name for name in before if name in after and json.dumps(before[name]) == json.dumps(after[name])]
            result = {name: value for name, value in kept.items() if name not in before or name in same}
            result |= {name: value for name, value in after.items() if name not in same or session_id not in model}
            model[session_id] = (result, now + ttl * SECOND)
        case ("delete", session_id):
            model.pop(session_id, None)


@pytest.mark.untraced
@given(CALLS)
def test_memory_and_sqlite_do_as_the_model_says(tmp_path_factory: pytest.TempPathFactory, calls: list[Any]) -> None:
    clock = Hands()
    path = tmp_path_factory.mktemp("sessions") / "s.db"

    async def run() -> None:
        stores = [MemoryStore(clock), SQLiteStore(path, clock)]
        model: dict[str, tuple[dict[str, Any], int]] = {}
        for call in calls:
            if call[0] == "wait":
                clock.time += call[1] * SECOND
            model = {name: each for name, each in model.items() if clock.time < each[1]}
            apply(model, clock.time, call)
            for store in stores:
                await _do(store, call)
                assert {name: await store.load(name) for name in ("one", "two") if name in model} == {
                    name: data for name, (data, _) in model.items()
                }
                assert await store.ids() == sorted(model)
        for store in stores:
            await store.aclose()

    asyncio.run(run())


async def _do(store: SessionStore, call: tuple[Any, ...]) -> None:
    if call[0] == "save":
        await store.save(*call[1:])
    elif call[0] == "delete":
        await store.delete(call[1])


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for many examples; it runs beside their event loops."""
    with asyncio.Runner() as runner:
        context = redis_server(tmp_path_factory.mktemp("redis"))
        yield runner.run(context.__aenter__()).url
        runner.run(context.__aexit__(None, None, None))


@given(CALLS)
@settings(max_examples=30)
def test_redis_does_as_the_model_says(redis_url: str, calls: list[Any]) -> None:
    async def run() -> None:
        store = open_store(redis_url, Clock())
        for name in await store.ids():
            await store.delete(name)
        model: dict[str, tuple[dict[str, Any], int]] = {}
        for call in calls:
            if call[0] == "save":
                call = (*call[:4], 60)
            apply(model, 0, call)
            await _do(store, call)
            assert {name: await store.load(name) for name in await store.ids()} == {
                name: data for name, (data, _) in model.items()
            }
        await store.aclose()

    asyncio.run(run())


async def test_memory_keeps_those_that_were_used_last() -> None:
    clock = Hands()
    store = MemoryStore(clock, most=3)
    for name in ("a", "b", "c"):
        await store.save(name, None, {}, 60)
    await store.load("a")
    await store.save("d", None, {}, 10)
    assert await store.ids() == ["a", "c", "d"]
    clock.time += 20 * SECOND
    await store.save("e", None, {}, 60)
    assert await store.ids() == ["a", "c", "e"]


async def test_sqlite_is_for_its_owner_alone_and_forgets_what_is_over(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sessions.db"
    clock = Hands()
    store = SQLiteStore(path, clock)
    await store.save("a", None, {"x": 1}, 10)
    assert {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {
        "sessions.db": 0o600,
        "sessions.db-shm": 0o600,
        "sessions.db-wal": 0o600,
    }
    clock.time += 10 * SECOND
    await store.save("b", None, {"x": 1}, 10)
    await store.aclose()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT id FROM session").fetchall() == [("b",)]
    db.close()


async def test_sqlite_is_shared_by_processes_one_of_which_is_killed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", WRITER, url),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert writer.stdout is not None
    store = open_store(url, Clock())
    said = 0
    for i in range(20):
        said = int(await asyncio.wait_for(writer.stdout.readline(), 60))
        await store.save("a", {}, {f"mine{i}": i}, 60)
    writer.send_signal(signal.SIGKILL)
    said = int([said, *(await writer.stdout.read()).split()][-1])
    await writer.wait()
    await store.aclose()
    store = open_store(url, Clock())
    data = await store.load("a")
    assert data is not None
    assert {name: value for name, value in data.items() if name != "count"} == {f"mine{i}": i for i in range(20)}
    assert data["count"] >= said
    await store.aclose()


WRITER = """
import asyncio, sys
from ganglion.clock import Clock
from ganglion.mova.session.store import open_store

async def main():
    store = open_store(sys.argv[1], Clock())
    count = 0
    while True:
        await store.save("a", {"count": count}, {"count": count + 1}, 60)
        count += 1
        print(count, flush=True)  # said only after it was saved

asyncio.run(main())
"""


async def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    path.write_text("something else, and more of it than a header has" * 100)
    store = open_store(f"sqlite:///{path}", Clock())
    with pytest.raises(InvalidError, match="holds no sessions"):
        await store.load("a")
    await store.aclose()


@pytest.mark.parametrize("path", ["/proc/none/s.db", "/dev"])
async def test_a_place_where_no_file_can_be_is_said(path: str) -> None:
    store = open_store(f"sqlite:///{path}", Clock())
    with pytest.raises(UnreachableError, match=f"{path}: the sessions cannot be reached"):
        await store.load("a")
    await store.aclose()


async def test_keys_and_values_in_redis_are_those_of_the_sdk(server: RedisServer, client: "Redis") -> None:
    # As its session manager writes a session: a field for each value, `_metadata`, and a time to live.
    about = {"created_at": "2026-01-01T00:00:00", "ttl": 100, "data_keys": ["city", "raw"]}
    fields = {"city": '{"name": "Kyiv"}', "raw": "no JSON", "_metadata": json.dumps(about)}
    await client.hset("mova:session:guest", mapping=fields)
    store = open_store(server.url, Clock())
    data = await store.load("guest")
    assert data == {"city": {"name": "Kyiv"}, "raw": "no JSON"}
    await store.save("guest", data, {**data, "count": 1}, 60)
    kept = await client.hgetall("mova:session:guest")
    assert json.loads(kept.pop("_metadata")) == {**about, "ttl": 60, "data_keys": ["city", "count", "raw"]}
    assert kept == {"city": '{"name": "Kyiv"}', "raw": "no JSON", "count": "1"}
    assert 50 < await client.ttl("mova:session:guest") <= 60
    await store.aclose()


async def test_redis_forgets_a_session_when_its_time_is_over(server: RedisServer, client: "Redis") -> None:
    store = open_store(server.url, Clock())
    await store.save("a", None, {"x": 1}, 1)
    assert 0 < await client.pttl("mova:session:a") <= 1000
    await asyncio.sleep(await client.pttl("mova:session:a") / 1000 + 0.1)
    assert await store.load("a") is None
    assert await store.ids() == []
    await store.aclose()


async def test_something_else_under_the_key_is_said(server: RedisServer, client: "Redis") -> None:
    await client.set("mova:session:a", "text")
    store = open_store(server.url, Clock())
    for call in (store.load("a"), store.save("a", None, {}, 60)):
        with pytest.raises(InvalidError, match="something else"):
            await call
    await store.aclose()


async def test_a_server_that_is_killed_is_said_and_found_again(server: RedisServer) -> None:
    store = open_store(server.url, Clock())
    await store.save("a", None, {"x": 1}, MAX_TTL)
    await server.kill()
    for call in (store.load("a"), store.save("a", {"x": 1}, {"x": 2}, 60), store.ids(), store.delete("a")):
        with pytest.raises(UnreachableError, match=f"redis://127.0.0.1:{server.port}/0 cannot be reached"):
            await call
    await server.start()
    assert await store.load("a") == {"x": 1}
    await store.aclose()


async def test_a_restart_between_two_calls_is_not_noticed(server: RedisServer) -> None:
    store = open_store(server.url, Clock())
    await store.save("a", None, {"x": 1}, 60)
    for _ in range(3):
        await server.kill()
        await server.start()
        await store.save("a", {"x": 1}, {"x": 1, "y": 1}, 60)
        await server.kill()
        await server.start()
        assert await store.load("a") == {"x": 1, "y": 1}
    await store.aclose()


async def test_a_password_is_used_and_never_shown(tmp_path: Path) -> None:
    async with redis_server(tmp_path / "redis", password="p/ss-word") as server:
        store = open_store(server.url.replace("://", "://:p%2Fss-word@"), Clock())
        await store.save("a", None, {"x": 1}, 60)
        assert await store.load("a") == {"x": 1}
        for credentials in ("", ":wrong-word@", "me:wrong-word@"):
            refused = open_store(server.url.replace("://", f"://{credentials}"), Clock())
            with pytest.raises(RefusedError, match="refuses user and password") as caught:
                await refused.load("a")
            assert "wrong-word" not in str(caught.value)
            await refused.aclose()
        await server.kill()
        with pytest.raises(UnreachableError) as down:
            await store.load("a")
        assert "ss-word" not in str(down.value)
        await store.aclose()


async def test_tls_trusts_only_the_authority_that_is_named(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    async with redis_server(tmp_path / "redis", certificates=certificates) as server:
        store = open_store(f"{server.url}?ca={certificates.authority}", Clock())
        await store.save("a", None, {"x": 1}, 60)
        assert await store.load("a") == {"x": 1}
        await store.aclose()
        for url in (server.url, f"{server.url}?ca={tmp_path}/none.pem"):
            distrustful = open_store(url, Clock())
            with pytest.raises(UnreachableError, match="cannot be reached"):
                await distrustful.load("a")
            await distrustful.aclose()

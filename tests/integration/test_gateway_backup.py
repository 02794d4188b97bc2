# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway is backed up while it runs, destroyed, and restored: the drill, and what is refused."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.backup.making import make
from ganglion_gateway.backup.restoring import _or_nothing, restore
from ganglion_gateway.backup.tables import reflected
from ganglion_gateway.settings import WebhookSettings
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.engines import snapshot
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.webhook.signature import new_secret
from support.brokers import nats_broker
from support.gateway import NO_BROKER, Process, here, start
from support.mesh import enrolled, running
from support.postgres import PostgresServer
from support.receiver import receiver
from support.rows import fill
from support.waiting import until, until_answered

OTHER = {"sqlite": "postgresql", "postgresql": "sqlite"}


class Stores:
    """Makes databases of either kind, and drops them."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._made: list[DatabaseUrl] = []

    def make(self, kind: str) -> DatabaseUrl:
        if kind == "sqlite":
            return DatabaseUrl.file(self._folder / f"gateway{len(os.listdir(self._folder))}.db")
        self._made.append(self._server.database())
        return self._made[-1]

    def drop(self, *urls: DatabaseUrl) -> None:
        for url in urls or self._made:
            if url.path is None:
                self._server.drop(url)
            else:
                for path in url.path.parent.glob(f"{url.path.name}*"):
                    path.unlink()

    def words(self, url: DatabaseUrl) -> list[str]:
        """As options of the command."""
        where = f"sqlite://{url.path}" if url.path is not None else self._server.url(url.parameters["dbname"])
        return ["--database", where]


@pytest.fixture
def stores(postgres: PostgresServer, tmp_path: Path) -> Iterator[Stores]:
    made = Stores(postgres, tmp_path)
    yield made
    made.drop()


async def everything(url: DatabaseUrl) -> dict[str, list[Any]]:
    """Every row of every table but the leases, as it reads."""
    async with snapshot(url) as connection:
        found = {}
        for table in await reflected(connection):
            rows = [tuple(row) for row in await connection.execute(select(table))]
            found[table.name] = sorted(rows, key=repr)
    del found["leases"]
    return found


@pytest.mark.parametrize("kind", OTHER)
async def test_every_row_and_file_is_there_again_on_the_other_kind_of_database(
    stores: Stores, tmp_path: Path, kind: str
) -> None:
    source, target = stores.make(kind), stores.make(OTHER[kind])
    async with here(tmp_path / "state", database=source) as site:
        token = site.token
    async with Database.open_(source) as database:
        await fill(database, "word")
        contents = await make(tmp_path / "state", source, tmp_path / "backup", passphrase="correct horse")
        assert token not in (tmp_path / "backup").read_bytes().decode("latin1")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    assert contents.rows["outbox"] == 2
    done = await restore(tmp_path / "backup", tmp_path / "again", target, passphrase="correct horse")
    assert done.before is None
    there, before = await everything(target), await everything(source)
    assert (len(before.pop("logins")), there.pop("logins")) == (2, []), "one that was ended since must not be there"
    assert there == before
    for name in contents.files:
        if not name.endswith(".db"):
            one, other = tmp_path / "state" / name, tmp_path / "again" / name
            assert (other.read_bytes(), other.stat().st_mode & 0o777) == (one.read_bytes(), 0o600), name
    assert {
        "identity",
        "authority/root",
        "authority/issuer",
        "token",
        "session-secret",
        "group-secret",
        "state.db",
    } <= {*contents.files}
    assert not {"epoch", "gateway.lock", "gateway.db"} & {*contents.files}
    async with Database.open_(target) as database:
        await fill(database, "more")  # numbers go on behind the last


async def test_the_drill(stores: Stores, tmp_path: Path) -> None:
    """Runs, is backed up, is destroyed, is restored elsewhere: nodes and webhooks go on, nothing is there twice."""
    state, source, target = tmp_path / "state", stores.make("sqlite"), stores.make("postgresql")
    async with nats_broker(tmp_path / "broker") as broker, receiver(new_secret()) as hook:
        (tmp_path / "webhook-secret").write_text(hook.secret)
        words = ["--webhook", hook.url, "--webhook-secret-file", str(tmp_path / "webhook-secret")]
        words.append("--allow-private-webhooks")
        gateway = await start(state, broker.url, *words, *stores.words(source))
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        node = MeshClient(
            transport=MqttTransport(broker.url), state=tmp_path / "node", name="fridge", enrol_key=key, heartbeat=0.5
        )
        stored: list[str] = []
        node.on_stored = stored.append
        async with running(node):
            await enrolled(node)
            identity = node.identity.node_id
            first = alert(node, 1)
            await until(lambda: hook.taken == [first], what="a webhook delivered")
            await settled(gateway)
            await hook.stop()
            waiting = [alert(node, i) for i in (2, 3)]
            await until(lambda: {*waiting} <= {*stored}, what="two more stored, and no webhook")
            made = await make(state, source, tmp_path / "backup", passphrase="correct horse")
            assert (made.rows["nodes"], made.rows["outbox"]) == (1, 3)
            await gateway.end(signal.SIGKILL)
            shutil.rmtree(state)
            stores.drop(source)
            late = alert(node, 4)  # said to nobody
            await restore(tmp_path / "backup", state, target, passphrase="correct horse")
            await hook.start()
            webhook = WebhookSettings(url=hook.url, secret_file=tmp_path / "webhook-secret", allow_private=True)
            async with here(state, broker.url, database=target, webhook=webhook) as again:
                await until(lambda: len(hook.taken) >= 4, within=60, what="what waited, and what was said meanwhile")
                assert hook.taken == [first, *waiting, late], "in order, and each once"
                (known,) = (await again.get("/nodes"))["nodes"]
                assert (known["id"], known["online"]) == (identity, True)
                events = (await again.get("/events", **{"class": "alert"}))["events"]
                assert sorted(event["id"] for event in events) == sorted([first, *waiting, late])
                assert made.header["mesh"] == again.gateway.mesh_id == gateway.ready["mesh"]


def alert(node: MeshClient, value: int) -> str:
    return node.publish_event("alert", {"topic": "alert/fridge", "value": value, "source": "t", "run": ""})


async def settled(gateway: Process) -> None:
    """Returns when the outbox has it written that all is delivered."""

    async def delivered() -> bool:
        rows = (await gateway.http.get("/api/v1/webhooks/command-line/messages")).json()["messages"]
        return [row["state"] for row in rows] == ["delivered"]

    await until_answered(delivered, within=60, what="the outbox written")


async def test_what_is_there_is_replaced_only_by_force_and_kept_beside(tmp_path: Path) -> None:
    state, backup = tmp_path / "state", tmp_path / "backup"
    url = DatabaseUrl.file(state / "gateway.db")
    async with here(state) as site:
        mesh = site.gateway.mesh_id
        await make(state, url, backup, passphrase=None)
        nowhere = tmp_path / "nosuch" / "b3"
        with pytest.raises(NotFoundError, match=f"^{nowhere} cannot be written: there is no folder {nowhere.parent}"):
            await make(state, url, nowhere, passphrase=None)
        with pytest.raises(RefusedError, match="another gateway"):
            await restore(backup, state, url, passphrase=None, force=True)
    token = (state / "token").read_text()
    with pytest.raises(RefusedError, match="there already"):
        await make(state, url, backup, passphrase=None)
    with pytest.raises(RefusedError, match=r"and more in it.*--force"):
        await restore(backup, state, url, passphrase=None)
    (state / "token").write_text("gt_another")
    done = await restore(backup, state, url, passphrase=None, force=True)
    assert done.before is not None
    assert (done.before / "token").read_text() == "gt_another"
    assert (done.before / "gateway.db").exists()
    assert (state / "token").read_text() == token
    async with here(state) as site:
        assert site.gateway.mesh_id == mesh
        assert (await site.get("/nodes"))["nodes"] == []
    with closing(sqlite3.connect(url.path or "")) as direct:
        assert direct.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_backup_goes_into_no_file_that_somebody_else_has_put_there(tmp_path: Path) -> None:
    state, to = tmp_path / "state", tmp_path / "backup"
    theirs = tmp_path / f".backup.{os.getpid()}"
    theirs.touch()
    theirs.chmod(0o666)
    async with here(state):
        await make(state, DatabaseUrl.file(state / "gateway.db"), to, passphrase=None)
    assert to.stat().st_mode & 0o777 == 0o600
    assert to.stat().st_ino != theirs.stat().st_ino


async def test_a_restore_that_was_broken_off_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "state" / "restoring").mkdir(parents=True)
    with pytest.raises(RefusedError, match="broken off"):
        async with here(tmp_path / "state"):
            pass
    (tmp_path / "state" / "restoring" / "identity").write_text("that it had not put in place yet")
    with pytest.raises(RefusedError), _or_nothing(tmp_path / "state", is_new=False):
        raise RefusedError("another time")
    assert (tmp_path / "state" / "restoring" / "identity").exists()


async def test_a_database_that_a_gateway_uses_is_not_replaced(stores: Stores, tmp_path: Path) -> None:
    url = stores.make("postgresql")
    async with here(tmp_path / "state", NO_BROKER, database=url):
        await make(tmp_path / "state", url, tmp_path / "backup", passphrase=None)
        with pytest.raises(RefusedError, match="a gateway uses the database"):
            await restore(tmp_path / "backup", tmp_path / "again", url, passphrase=None, force=True)
    assert not (tmp_path / "again").exists(), "what is refused leaves no folder"
    (tmp_path / "empty").mkdir()
    for folder in ("again", "empty"):
        with pytest.raises(RefusedError, match="has rows in"):
            await restore(tmp_path / "backup", tmp_path / folder, url, passphrase=None)
    assert not (tmp_path / "again").exists()
    assert os.listdir(tmp_path / "empty") == ["gateway.lock"]
    await restore(tmp_path / "backup", tmp_path / "again", url, passphrase=None, force=True)
    async with here(tmp_path / "again", NO_BROKER, database=url) as site:
        assert (await site.get("/nodes"))["nodes"] == []


async def test_what_is_no_gateway_is_named(postgres: PostgresServer, tmp_path: Path) -> None:
    url = DatabaseUrl.file(tmp_path / "gateway.db")
    with pytest.raises(NotFoundError, match="no gateway has its state"):
        await make(tmp_path, url, tmp_path / "backup", passphrase=None)
    (tmp_path / "identity").touch()
    with pytest.raises(NotFoundError, match="no database"):
        await make(tmp_path, url, tmp_path / "backup", passphrase=None)
    with pytest.raises(UnreachableError, match="does not exist"):
        await make(tmp_path, DatabaseUrl.parse(postgres.url("nowhere")), tmp_path / "backup", passphrase=None)
    (tmp_path / "backup").write_bytes(b"nonsense")
    with pytest.raises(InvalidError, match="no backup"):
        await restore(tmp_path / "backup", tmp_path / "state", url, passphrase=None)
    assert sorted(os.listdir(tmp_path)) == ["backup", "identity"]

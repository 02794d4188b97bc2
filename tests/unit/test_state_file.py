# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.state.file: a replica that goes on after a restart, a cut and a broken disk."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion.mesh.state.entry import REGISTER
from ganglion.mesh.state.file import StateFile
from ganglion.mesh.state.replica import Replica
from ganglion.units import SECOND
from support.mesh import NOW
from support.state import MESH, Node, World, identity, page, signed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def world() -> World:
    return World(3)


def saved(node: Node, path: Path) -> None:
    file = StateFile(path)
    file.commit(node.replica.take_unsaved())
    file.close()


def restarted(node: Node, path: Path) -> Replica:
    file = StateFile(path)
    node.start(node.epoch + 1).restore(*file.load())
    file.close()
    return node.replica


def test_a_replica_goes_on_where_it_was(world: World, path: Path) -> None:
    a, b, _ = world.nodes
    for node in (a, b):
        node.does("set", f"tag/{node.identity.node_id}", 1)
        node.does("add", "s", node.identity.node_id)
        node.does("increment", "n", 2)
    world.settle()
    saved(a, path)
    a.does("delete", f"tag/{b.identity.node_id}")
    a.does("set", "tag/x", 1)
    world.settle()
    saved(a, path)
    root, vector = a.replica.root, a.replica._summary().vector
    top = max(entry.dot for entry in a.entries if entry.kid == a.kid)
    replica = restarted(a, path)
    assert (replica.root, replica._summary().vector) == (root, vector)
    assert (replica.total("n"), len(replica.elements("s"))) == (4, 2)
    assert replica.take_unsaved() == ({}, {})
    outcome = a.does("set", "tag/x", 2)
    assert outcome.tell[0][1][0][1] == top, "what others have seen is followed on"
    world.settle()
    assert world.agreed()
    assert (b.get("tag/x"), b.refused) == (2, {})


def test_a_restart_gives_no_dot_twice_though_the_last_was_not_saved(world: World, path: Path) -> None:
    a, b, c = world.nodes
    a.does("set", "tag/x", 1)
    saved(a, path)
    a.does("set", "tag/x", "told and not saved")
    world.settle()
    restarted(a, path)
    a.does("set", "tag/y", 2)
    world.settle()
    world.meet(a, b)
    world.meet(a, c)
    assert world.agreed()
    assert [(node.get("tag/x"), node.get("tag/y")) for node in world.nodes] == [("told and not saved", 2)] * 3


def test_a_removal_outlives_a_restart(world: World, path: Path) -> None:
    a, b, _ = world.nodes
    b.does("set", "tag/x", 1)
    world.settle()
    old = page(*b.entries)
    a.does("delete", "tag/x")
    saved(a, path)
    replica = restarted(a, path)
    a.came(replica.receive(b.kid, old, now=a.now), b)
    assert a.get("tag/x") is None


def test_who_is_no_member_any_more_after_a_restart_is_forgotten_on_the_disk_too(world: World, path: Path) -> None:
    a, b, _ = world.nodes
    b.does("set", "tag/x", 1)
    world.settle()
    saved(a, path)
    replica = restarted(a, path)
    assert a.get("tag/x") == 1
    del world.keys[b.kid]
    assert [change.key for change in replica.recheck().changes] == ["tag/x"]
    saved(a, path)
    file = StateFile(path)
    assert file.load() == ([], {})
    file.close()


def test_a_new_replica_saves_a_dot_of_64_bits(world: World, path: Path) -> None:
    a, b, _ = world.nodes
    body = page(signed(b.identity, [REGISTER, "tag/x"], 1, dot=2**64 - 1))
    body[1][0][2] = 2**64 - 1
    a.came(a.replica.receive(b.kid, body, now=a.now), b)
    saved(a, path)
    assert restarted(a, path)._summary().vector == {b.kid: 2**64 - 1}


def test_a_commit_that_fails_has_done_nothing_and_may_be_tried_again(world: World, path: Path) -> None:
    a = world.nodes[0]
    a.does("set", "tag/x", 1)
    unsaved = a.replica.take_unsaved()
    file = StateFile(path)
    file._db.execute("CREATE TRIGGER full BEFORE INSERT ON author BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(sqlite3.Error, match="no room"):
        file.commit(unsaved)
    assert file.load() == ([], {})
    file._db.execute("DROP TRIGGER full")
    file.commit(unsaved)
    assert len(file.load().entries) == 1
    file.close()


def test_a_damaged_entry_is_left_out_and_counted(world: World, path: Path) -> None:
    a, b, _ = world.nodes
    a.does("set", "tag/x", 1)
    a.does("set", "tag/y", 2)
    world.settle()
    saved(a, path)
    file = StateFile(path)
    file._db.execute("UPDATE entry SET data = x'00' WHERE rowid = 1")
    file.close()
    replica = restarted(a, path)
    assert len(replica.items()) == 1
    assert a.refused == {"malformed": 1}
    world.meet(a, b)
    assert len(replica.items()) == 2


@pytest.mark.parametrize("garbage", [b"not a database, and long enough to be looked at" * 100, b"\x00" * 4096])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(world: World, path: Path, garbage: bytes) -> None:
    path.write_bytes(garbage)
    world.nodes[0].does("set", "tag/x", 1)
    saved(world.nodes[0], path)
    assert len(restarted(world.nodes[0], path).items()) == 1
    if garbage.startswith(b"not"):
        assert path.with_suffix(".damaged").read_bytes() == garbage


def test_a_commit_is_synced_to_the_disk(path: Path) -> None:
    file = StateFile(path)
    assert file._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert file._db.execute("PRAGMA synchronous").fetchone() == (2,)
    file.close()


def test_a_power_cut_at_any_byte_leaves_a_state_that_was(world: World, path: Path, tmp_path: Path) -> None:
    a = world.nodes[0]
    file = StateFile(path)
    were = [set(file.load().entries)]
    for at in range(4):
        a.does("set", "tag/x", at)
        a.does("set", f"tag/{at}", at)
        if at == 2:
            a.does("delete", "tag/1")
        file.commit(a.replica.take_unsaved())
        were.append(set(file.load().entries))
    wal = path.with_name(path.name + "-wal").read_bytes()
    copy = tmp_path / "cut" / "state.db"
    copy.parent.mkdir()
    found = []
    for cut in [*range(0, len(wal), 499), len(wal)]:
        shutil.copy(path, copy)
        copy.with_name("state.db-wal").write_bytes(wal[:cut])
        copy.with_name("state.db-shm").unlink(missing_ok=True)
        after = StateFile(copy)
        found.append(were.index(set(after.load().entries)))
        after.close()
    file.close()
    assert found == sorted(found)
    assert set(found) == set(range(5))


WRITER = """
import itertools, sys
from pathlib import Path
from ganglion.mesh.state.file import StateFile
from ganglion.mesh.state.replica import Replica
from support.state import MESH, NOW, identity
who = identity(1)
replica = Replica(who, mesh=MESH, epoch=1, lookup=lambda kid: None, may_write=lambda node, key: True)
file = StateFile(Path(sys.argv[1]))
for at in itertools.count():
    replica.set(f"tag/{at}", at, now=NOW)
    replica.set("tag/last", at, now=NOW)
    file.commit(replica.take_unsaved())
    print(at, flush=True)
"""


def test_what_was_committed_is_there_after_a_kill(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        last = -1
        for line in process.stdout:
            last = int(line)
            if last == 25:
                process.send_signal(signal.SIGKILL)
                break
    file = StateFile(path)
    replica = Replica(identity(1), mesh=MESH, epoch=2, lookup=lambda kid: None, may_write=lambda node, key: True)
    replica.restore(*file.load())
    file.close()
    assert not replica.refused
    found = {key: reading.value for key, reading in replica.items()}
    latest = found.pop("tag/last")
    assert latest >= last
    assert found == {f"tag/{at}": at for at in range(latest + 1)}
    replica.set("tag/last", "on", now=NOW + SECOND)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A power cut at every byte that a spool writes, and what the next start finds: all that `commit` had returned for.

What is on the disk is not guessed: the writes, truncations and syncs of a real process are recorded between SQLite and
the system, and carried out again up to a byte. First as if each write reached the disk in order; then as a disk may do
it that holds back what was not synced, and keeps any sectors of it.
"""

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ganglion.mesh.spool import Row, Spool
from support.power import LIMIT, SAID, Operation, commits, recorded

#: Bytes that a disk writes whole or not at all.
SECTOR = 512
#: Where files cost no sync: thousands of disks are tried.
MEMORY = Path("/dev/shm")

Disk = dict[str, bytearray]


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[list[Row]]:
    """What the spool holds after each commit; first, before any."""
    spool = Spool(tmp_path_factory.mktemp("twin") / "spool.db", limit=LIMIT)
    found: list[list[Row]] = [[]]
    for rows, arrived in commits():
        spool.commit(rows, arrived)
        found.append(spool.after((-1, -1), 1000))
    spool.close()
    return found


@pytest.fixture(scope="module")
def bench() -> Iterator["Bench"]:
    with ExitStack() as stack:
        where = MEMORY if MEMORY.is_dir() else None
        yield Bench(Path(stack.enter_context(tempfile.TemporaryDirectory(dir=where))))


class Bench:
    """Starts a spool on a disk as a power cut left it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tried = 0

    def check(self, disk: Disk, states: list[list[Row]]) -> None:
        """All of what was said to be kept is there, and of the commit that was under way all or nothing."""
        self.tried += 1
        said = int(disk.get(SAID, b"0"))
        for old in self._folder.iterdir():
            old.unlink()
        for name, content in disk.items():
            if name != SAID:
                (self._folder / name).write_bytes(content)
        path = self._folder / "spool.db"
        spool = Spool(path, limit=LIMIT)
        found = spool.after((-1, -1), 1000)
        assert found in states[said : said + 2], f"after {said} commits there are {[row.key for row in found]}"
        assert (spool.count, spool.bytes) == (len(found), sum(len(row.payload) for row in found))
        spool._db.execute("PRAGMA synchronous=OFF")
        spool.close()
        assert said == 0 or not path.with_suffix(".damaged").exists()


def carry_out(disk: Disk, operation: Operation, cut: int | None = None) -> None:
    """Does it, or of a write so many bytes."""
    match operation.what:
        case "w":
            content = disk.setdefault(operation.name, bytearray())
            data = operation.data[:cut]
            content.extend(bytes(max(0, operation.offset + len(data) - len(content))))
            content[operation.offset : operation.offset + len(data)] = data
        case "t":
            content = disk.setdefault(operation.name, bytearray())
            content.extend(bytes(max(0, operation.length - len(content))))
            del content[operation.length :]
        case "u":
            disk.pop(operation.name, None)


def copy(disk: Disk) -> Disk:
    return {name: bytearray(content) for name, content in disk.items()}


def writes_of(operations: list[Operation], suffix: str) -> list[int]:
    return [n for n, one in enumerate(operations) if one.what == "w" and one.name == f"spool.db{suffix}"]


@pytest.mark.parametrize(("page", "every"), [(512, 1), (0, 61)], ids=["each byte of small pages", "pages as they are"])
def test_a_power_cut_at_any_byte_loses_nothing_that_was_committed(
    page: int, every: int, states: list[list[Row]], bench: Bench, tmp_path: Path
) -> None:
    operations = recorded(tmp_path, page)
    restarts = [n for n in writes_of(operations, "-wal") if operations[n].offset == 0]
    assert len(restarts) > 1, "the log has begun anew, so the database was written in between"
    assert set(writes_of(operations, "")) & set(range(restarts[0], restarts[-1]))
    disk: Disk = {}
    before = bench.tried
    for operation in operations:
        if operation.what == "w" and operation.name != SAID:
            torn = copy(disk)
            for cut in [*range(0, operation.length, every), operation.length - 1]:
                carry_out(torn, operation, cut)
                bench.check(torn, states)
        carry_out(disk, operation)
    bench.check(disk, states)
    assert int(disk[SAID]) == len(states) - 1
    assert bench.tried - before > 1000


@pytest.mark.parametrize("page", [512, 0])
def test_a_disk_that_keeps_any_part_of_what_was_not_synced_loses_nothing_that_was_committed(
    page: int, states: list[list[Row]], bench: Bench, tmp_path: Path
) -> None:
    operations = recorded(tmp_path, page)
    dice = random.Random(11)
    synced: Disk = {}
    pending: list[Operation] = []
    syncs = 0
    for operation in operations:
        if operation.name == SAID or operation.what == "u":
            carry_out(synced, operation)
            pending = [each for each in pending if operation.what != "u" or each.name != operation.name]
        elif operation.what == "s":
            syncs += 1
            for each in pending:
                if each.name == operation.name:
                    carry_out(synced, each)
            pending = [each for each in pending if each.name != operation.name]
        else:
            pending.append(operation)
        for _ in range(30):
            disk = copy(synced)
            for each in dice.sample(pending, dice.randint(0, len(pending))):
                for sector in sectors(each):
                    if dice.random() < 0.7:
                        carry_out(disk, sector)
            bench.check(disk, states)
    assert syncs >= len(states) - 1, "each commit is synced"


def sectors(operation: Operation) -> Iterator[Operation]:
    """A write in the parts that a disk writes whole."""
    if operation.what != "w":
        yield operation
        return
    at = 0
    while at < operation.length:
        size = min(SECTOR - (operation.offset + at) % SECTOR, operation.length - at)
        yield operation._replace(offset=operation.offset + at, length=size, data=operation.data[at : at + size])
        at += size

# SPDX-License-Identifier: GPL-3.0-or-later
"""A power cut at every byte that a history writes, and what the next start finds: all that `append` had returned for.

The writes and syncs of a real process are recorded, and carried out again up to a byte; then as a disk may do it that
holds back what was not synced, and keeps any sectors of it.
"""

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

import pytest

from ganglion.history.block import Reading
from ganglion.history.store import Store
from support.history_power import AGE, LIMIT, SAID, SEGMENT, batches, recorded
from support.power import Operation

#: Bytes that a disk writes whole or not at all; small, as the files here are.
SECTOR = 64
MEMORY = Path("/dev/shm")
BATCHES = list(batches())
ENDS = [0, *accumulate(len(each) for each in BATCHES)]
ALL = [reading for each in BATCHES for reading in each]
MORE = [Reading(5, "sensor/more/value", 1.5)]

Disk = dict[str, bytearray]


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> list[Operation]:
    return recorded(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with ExitStack() as stack:
        where = MEMORY if MEMORY.is_dir() else None
        yield Path(stack.enter_context(tempfile.TemporaryDirectory(dir=where)))


def read(store: Store) -> list[Reading]:
    found, number = [], 0
    for first, readings in store.blocks(at=None, newest=False, since=None, until=None):
        assert first == number, "readings are numbered without a gap"
        found += readings
        number += len(readings)
    return found


def check(disk: Disk, folder: Path) -> None:
    """All of what was said to be kept is there, of the batch that was under way all or nothing, and it goes on."""
    said = int(disk.get(SAID, b"0"))
    for old in folder.iterdir():
        old.unlink()
    for name, content in disk.items():
        if name != SAID:
            (folder / name).write_bytes(content)
    store = Store(folder, limit=LIMIT, age=AGE)
    found = read(store)
    assert found in [ALL[:end] for end in ENDS[said : said + 2]], f"after {said} batches there are {len(found)}"
    assert store.next == len(found)
    store.append(MORE)
    assert read(store) == found + MORE
    store.close()
    again = Store(folder, limit=LIMIT, age=AGE)
    assert read(again) == found + MORE
    again.close()


def put(disk: Disk, name: str, offset: int, data: bytes) -> None:
    content = disk.setdefault(name, bytearray())
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset : offset + len(data)] = data


def test_it_writes_in_order_and_syncs_what_it_says(operations: list[Operation]) -> None:
    names = {each.name for each in operations} - {SAID}
    assert len(names) > 2, "there are several segments"
    assert {each.what for each in operations} == {"w", "s"}
    ends: dict[str, int] = {}
    for each in operations:
        if each.what == "w" and each.name != SAID:
            assert each.offset == ends.get(each.name, 0), "what was written is never written again"
            assert each.offset + each.length <= SEGMENT
            ends[each.name] = each.offset + each.length
    assert sum(each.what == "s" for each in operations) == len(BATCHES)


def test_a_power_cut_at_any_byte_loses_nothing_but_what_was_being_written(
    operations: list[Operation], folder: Path
) -> None:
    disk: Disk = {}
    tried = 0
    for operation in operations:
        if operation.what != "w":
            continue
        if operation.name != SAID:
            for cut in range(operation.length):
                torn = {name: bytearray(content) for name, content in disk.items()}
                put(torn, operation.name, operation.offset, operation.data[:cut])
                check(torn, folder)
                tried += 1
        put(disk, operation.name, operation.offset, operation.data)
    check(disk, folder)
    assert int(disk[SAID]) == len(BATCHES)
    assert tried > 1000


def test_a_disk_that_keeps_any_part_of_what_was_not_synced_loses_nothing_else(
    operations: list[Operation], folder: Path
) -> None:
    dice = random.Random(11)
    synced: Disk = {}
    pending: list[Operation] = []
    for operation in operations:
        if operation.name == SAID:
            put(synced, SAID, operation.offset, operation.data)
        elif operation.what == "w":
            pending.append(operation)
        else:
            for each in pending:
                put(synced, each.name, each.offset, each.data)
            pending = []
        for _ in range(30):
            disk = {name: bytearray(content) for name, content in synced.items()}
            for each in pending:
                for at in range(0, each.length, SECTOR):
                    if dice.random() < 0.6:
                        put(disk, each.name, each.offset + at, each.data[at : at + SECTOR])
            check(disk, folder)

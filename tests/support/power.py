# SPDX-License-Identifier: GPL-3.0-or-later
"""What a spool writes, operation by operation, as the system is asked for it; to be cut off anywhere.

`python power.py PATH PAGE` is the process that writes: it does `commits()` to a spool, and says each one once `commit`
has returned, by a write of its own that stands among those of SQLite.
"""

import os
import random
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ganglion.mesh.spool import Key, Row, Spool

#: Bytes of the spool; the last commits have no room for all.
LIMIT = 700
#: What is said of a commit is written here.
SAID = "spool.db.said"
#: Frames in the write-ahead log after which it is carried into the database: few, so that it happens here.
_CHECKPOINT = 8


def commits(seed: int = 5, count: int = 7) -> Iterator[tuple[list[Row], list[Key]]]:
    """Events that come and arrive, the same in each process."""
    dice, seq = random.Random(seed), 0
    for _ in range(count):
        rows = []
        for _ in range(dice.randint(1, 3)):
            seq += 1
            cls = dice.choice(["alert", "door", "episode"])
            rows.append(Row(1, seq, f"gl1/m/n/x/e/{cls}", dice.randbytes(dice.randint(20, 120))))
        yield rows, [(1, dice.randint(1, seq)) for _ in range(dice.randint(0, 2))]


class Operation(NamedTuple):
    """Something that was done to a file.

    Attributes:
        what: w write, t truncate, s sync, u unlink.
        length: Of a write its bytes, of a truncation what is left.
    """

    what: str
    name: str
    offset: int
    length: int
    data: bytes


def recorded(folder: Path, page: int) -> list[Operation]:
    """Everything that a spool does on the disk, from its first opening on.

    Args:
        folder: For the spool, and what is built.
        page: Bytes of a page of the database; 0 for what the spool itself takes.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))},
        "PYTHONPATH": os.pathsep.join(sys.path),
        **watching(folder, "spool.db"),
    }
    subprocess.run([sys.executable, __file__, str(folder / "spool.db"), str(page)], env=environment, check=True)
    # Of the index of the log nothing counts: whoever opens it first makes it anew.
    return [operation for operation in operations(folder) if not operation.name.endswith("-shm")]


def watching(folder: Path, files: str = "") -> dict[str, str]:
    """The environment of a program whose operations on files that begin so are to be written down."""
    shim = folder / "power.so"
    source = Path(__file__).with_suffix(".c")
    build = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(source), "-ldl"]
    subprocess.run(build, check=True)
    return {"LD_PRELOAD": str(shim), "POWER_LOG": str(folder / "log"), "POWER_FILES": files}


def operations(folder: Path) -> list[Operation]:
    """What was written down so far."""
    found, data, at = [], (folder / "log").read_bytes(), 0
    while at < len(data):
        what, size, offset, length = struct.unpack_from("=cBqq", data, at)
        at += 18
        name = data[at : at + size].decode()
        at += size
        content = data[at : at + length] if what == b"w" else b""
        at += len(content)
        found.append(Operation(what.decode(), name, offset, length, content))
    return found


def _write(path: Path, page: int) -> None:
    if page:
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA page_size={page}")
        db.execute("PRAGMA journal_mode=WAL")
        db.close()
    spool = Spool(path, limit=LIMIT)
    spool._db.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")
    said = os.open(path.with_name(SAID), os.O_CREAT | os.O_WRONLY)
    for number, (rows, arrived) in enumerate(commits(), 1):
        spool.commit(rows, arrived)
        os.pwrite(said, b"%d" % number, 0)
    os._exit(0)  # killed: nothing is closed


if __name__ == "__main__":
    _write(Path(sys.argv[1]), int(sys.argv[2]))

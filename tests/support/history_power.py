# SPDX-License-Identifier: GPL-3.0-or-later
"""What a history writes, operation by operation, as the system is asked for it; to be cut off anywhere.

`python history_power.py FOLDER` is the process that writes: it has `batches()` appended, and says each one once
`append` has returned, by a write of its own that stands among the others.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ganglion.history.block import Reading
from ganglion.history.store import Store
from support.power import Operation, operations, watching

#: Nanoseconds that readings are kept, and bytes: enough for all of them.
AGE = 10**15
LIMIT = 10**6
#: Bytes of a segment: few, so that there are several.
SEGMENT = 500
#: What is said of a batch is written here.
SAID = "0said"


def batches(count: int = 12) -> Iterator[list[Reading]]:
    """Readings, the same in each process."""
    dice, time = random.Random(5), 1_790_000_000_000_000_000
    for _ in range(count):
        readings = []
        for _ in range(dice.randint(1, 9)):
            time += dice.randint(-(10**9), 10**10)
            value = dice.choice([dice.gauss(20, 1), True, dice.randint(0, 9), "open", {"door": None}])
            readings.append(Reading(time, f"sensor/{dice.choice('abc')}/value", value))
        yield readings


def recorded(folder: Path) -> list[Operation]:
    """Everything that a history does on the disk, from its first opening on."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))},
        "PYTHONPATH": os.pathsep.join(sys.path),
        **watching(folder, "0"),
    }
    subprocess.run([sys.executable, __file__, str(folder / "history")], env=environment, check=True)
    return operations(folder)


def _write(folder: Path) -> None:
    store = Store(folder, limit=LIMIT, age=AGE)
    store._segment_size = SEGMENT
    said = os.open(folder / SAID, os.O_CREAT | os.O_WRONLY)
    for number, readings in enumerate(batches(), 1):
        store.append(readings)
        os.pwrite(said, b"%d" % number, 0)
    os._exit(0)  # killed: nothing is closed


if __name__ == "__main__":
    _write(Path(sys.argv[1]))

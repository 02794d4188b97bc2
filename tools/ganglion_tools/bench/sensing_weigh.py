# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sensor weighs that is being read: the first of its kind, with what that brings, and each one more."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import ganglion_tools.up
from ganglion.errors import GanglionError

#: How many more of a kind are weighed together.
MORE = 8
_UP = Path(ganglion_tools.up.__file__).parent
_TRACE = "seconds,temperature\n" + "".join(f"{second},{20 + second % 7}\n" for second in range(100))

#: In a process of its own: what others have freed before would hide it. It says what it weighs when each has a value.
_WEIGH = """
import asyncio, gc, json, sys
from ganglion.bus import Bus
from ganglion.clock import Clock
from ganglion.sensors import Sensors, build

def own():
    gc.collect()
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))

async def read(sensors):
    while any(each.value is None for each in sensors.status() if each.id.split(".")[1] in first):
        await asyncio.sleep(0.01)

async def main():
    sensors = Sensors(Bus(), Clock())
    life = asyncio.create_task(sensors.run())
    await asyncio.sleep(0.05)
    weights = [own()]
    for count in (1, int(sys.argv[2])):
        for _ in range(count):
            sensors.add(build(f"s{len(weights)}_{_}", table))
        await read(sensors)
        weights.append(own())
    print(json.dumps(weights))
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)

table, first = json.loads(sys.argv[1])
asyncio.run(main())
"""


class Weight(NamedTuple):
    """KiB: of the first, and of each that follows."""

    first: float
    more: float


def kinds(folder: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Name of a kind to a table of it, and a channel that has a value at once.

    Args:
        folder: Takes what the tables name.
    """
    (folder / "trace.csv").write_text(_TRACE)
    return {
        "system": ({"kind": "system", "every": "1s"}, "memory"),
        "bme280": ({"kind": "bme280", "bus": "sim"}, "temperature"),
        "replay": ({"kind": "replay", "trace": str(folder / "trace.csv")}, "temperature"),
        "audio": ({"kind": "audio", "source": str(_UP / "room.wav")}, "level"),
        "vision": ({"kind": "vision", "source": str(_UP / "frames")}, "brightness"),
    }


def weights() -> dict[str, Weight]:
    """Kind to weight.

    Raises:
        GanglionError: a sensor did not say anything.
    """
    found = {}
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as folder:
        for kind, told in kinds(Path(folder)).items():
            command = [sys.executable, "-c", _WEIGH, json.dumps(told), str(MORE)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
            if done.returncode:
                raise GanglionError(f"bench sensing: {kind} was not weighed: {done.stderr.strip()[-300:]}")
            before, one, all_of_them = json.loads(done.stdout)
            found[kind] = Weight(one - before, (all_of_them - one) / MORE)
    return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node is, for the fleet's inventory: memory, temperature, signal, what fails. Some 300 bytes, once a minute.

It goes out as a reading, which is not kept: what was said a minute ago is said again. The leaves of the node are asked
for theirs, one after the other and seldom, since each answer takes a board some of its time.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError
from ganglion.mesh.told import VITALS
from ganglion.sensors import Sensors
from ganglion.sensors.schedule import Health
from ganglion.sensors.system import parse_meminfo, parse_millidegrees, parse_uptime, thermometer

#: Seconds between two, between two looks at whether something began to fail, and between two questions to one leaf.
EVERY = 60.0
LOOK = 5.0
EVERY_LEAF = 300.0
#: Sensors and scripts that are told of, and letters of why each fails.
_FAILING = 8
_WHY = 240
#: What is passed on of what a leaf says of itself.
_OF_LEAF = ("uptime_s", "heap_free", "clock", "errors", "crashed")

Vital = dict[str, Any]


def parse_wireless(text: str) -> int | None:
    """The strongest signal in `/proc/net/wireless`, in dBm; None without a radio that is connected."""
    levels = []
    for line in text.splitlines()[2:]:
        words = line.partition(":")[2].split()
        with suppress(ValueError, IndexError):
            levels.append(int(float(words[2])))
    return max((level for level in levels if -120 <= level < 0), default=None)


class Machine:
    """What the kernel says of this machine and this process, by proc(5) and sysfs.

    Args:
        state: A folder on the file system whose free space matters.
        root: What stands before `/proc` and `/sys`.
    """

    def __init__(self, state: Path, root: Path = Path("/")) -> None:
        self._state = state
        self._proc = root / "proc"
        self._thermometer = thermometer(root)
        self._page = os.sysconf("SC_PAGE_SIZE")

    def read(self) -> Vital:
        """What there is of: `rss`, `available` and `total` memory and free `disk` in bytes, `boot` in seconds since the
        machine started, `load` of the last minute, `temperature` in °C, `signal` in dBm.
        """
        found: Vital = {}
        with suppress(OSError, ValueError, IndexError):
            found["rss"] = int((self._proc / "self/statm").read_text().split()[1]) * self._page
        with suppress(OSError, ValueError):
            memory = parse_meminfo((self._proc / "meminfo").read_text())
            found |= {"total": memory.total, "available": memory.available}
        with suppress(OSError, ValueError):
            found["boot"] = int(parse_uptime((self._proc / "uptime").read_text()))
        with suppress(OSError, ValueError):
            found["load"] = float((self._proc / "loadavg").read_text().split()[0])
        with suppress(OSError):
            disk = os.statvfs(self._state)
            found["disk"] = disk.f_bavail * disk.f_frsize
        if self._thermometer is not None:
            with suppress(OSError, ValueError):
                found["temperature"] = round(parse_millidegrees(self._thermometer.read_text()), 1)
        with suppress(OSError):
            if (level := parse_wireless((self._proc / "net/wireless").read_text())) is not None:
                found["signal"] = level
        return found


class Vitals:
    """Those of one node and its leaves.

    Args:
        machine: Of which some are.
        sensors: Of which some may fail.
        refused: Scripts that could not be loaded, and why.
        spool: What waits for the gateway: `count`, and how many were `lost`.
        reset: Why this process was started: see `ganglion.node.crashes`.
        publish: Sends a reading: its stream and value.
        leads: Whether somebody hears it now.
        gateways: Who that may be; another value where one has come, or has started again.
        leaves: Names of the leaves that are there.
        ask: Asks a leaf by name for its `status`.
        monotonic: Seconds that go on evenly.
    """

    def __init__(
        self,
        machine: Machine,
        sensors: Sensors,
        *,
        refused: Mapping[str, str],
        spool: Callable[[], Mapping[str, int]],
        reset: str,
        publish: Callable[[str, Vital], None],
        leads: Callable[[], bool],
        gateways: Callable[[], object] = lambda: None,
        leaves: Callable[[], Iterable[str]] = tuple,
        ask: Callable[[str], Awaitable[Any]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = machine
        self._sensors = sensors
        self._refused = refused
        self._spool = spool
        self._reset = reset
        self._publish = publish
        self._leads = leads
        self._gateways = gateways
        self._leaves = leaves
        self._ask = ask
        self._monotonic = monotonic
        self._began = monotonic()

    def read(self) -> Vital:
        """All of it, as it is now; what cannot be had is missing."""
        spool = self._spool()
        return {
            "up": int(self._monotonic() - self._began),
            "reset": self._reset,
            **self._machine.read(),
            "spool": spool["count"],
            "lost": spool["lost"],
            "sensors": self._failing(),
            "scripts": {name: _cut(why) for name, why in list(self._refused.items())[:_FAILING]},
        }

    def _failing(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in self._sensors.sensors():
            if self._sensors.health(name) in (Health.FAILING, Health.UNHEALTHY) and len(found) < _FAILING:
                errors = (each.error for each in self._sensors.status_of(name) if each.error)
                found[name] = _cut(next(errors, "it is not read"))
        return found

    async def run(self) -> None:
        """Says them once somebody hears it, ever less often up to each minute, and when something else fails than
        before, or a gateway comes: it has missed what was said meanwhile, and shows what it knew. Until cancelled. The
        first ones may come before the gateway knows who says them.
        """
        due, pause, failing = 0.0, 1.0, set[str]()
        told = self._gateways()
        asked: dict[str, float] = {}
        while True:
            now = self._monotonic()
            if self._leads():
                if (hear := self._gateways()) != told:
                    due, pause, told = 0.0, min(pause, LOOK), hear
                    asked.clear()
                fails = {*self._failing(), *self._refused}
                if now >= due or fails != failing:
                    self._publish(VITALS, self.read())
                    pause = min(2 * pause, EVERY)
                    due, failing = now + pause, fails
                await self._look_at_leaf(asked, now)
            else:
                due, pause = 0.0, 1.0  # who hears it next is to know at once
            await asyncio.sleep(min(LOOK, pause))

    async def _look_at_leaf(self, asked: dict[str, float], now: float) -> None:
        """Asks the leaf that was asked longest ago, where that is long enough: one at a time."""
        if self._ask is None:
            return
        there = set(self._leaves())
        for gone in asked.keys() - there:
            del asked[gone]  # it is asked at once when it is back
        name = min(there, key=lambda each: asked.get(each, 0.0), default="")
        if not name or (name in asked and now - asked[name] < EVERY_LEAF):
            return
        asked[name] = now
        with suppress(GanglionError):  # it is away, or of another kind: it is asked again later
            said = await self._ask(name)
            if isinstance(said, dict) and (found := {key: said[key] for key in _OF_LEAF if key in said}):
                self._publish(f"{VITALS}/{name}", found)


def _cut(text: str) -> str:
    return text if len(text) <= _WHY else f"{text[: _WHY - 1]}…"

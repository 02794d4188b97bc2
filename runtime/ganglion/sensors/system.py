# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `system`: the machine itself, from Linux's `/proc` and `/sys` (proc(5), sysfs ABI of hwmon and thermal).

The parsers take text, so that any machine's recorded files test them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ganglion.errors import InvalidError
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSection(Section):
    """`[sensor.<name>]` with `kind = "system"`.

    Attributes:
        every: From sample to sample; `cpu` is the mean over this time.
        disk: A path on the file system that `disk` is about.
        root: What stands before `/proc` and `/sys`, for a container that sees its host's.
    """

    every: int = duration_field("5s")
    disk: str = "/"
    root: str = "/"


SECTION = SystemSection


def source(section: SystemSection, place: Place) -> Source:
    """This machine.

    Raises:
        InvalidError: it has no `/proc/stat`, or there is no such path for `disk`.
    """
    section = replace(section, root=place.folder("root", section.root), disk=place.folder("disk", section.disk))
    root = Path(section.root)
    if not (root / "proc/stat").exists():
        raise InvalidError(f"{root / 'proc/stat'} does not exist: this kind needs Linux", where=f"{place.where}.root")
    if not os.path.exists(section.disk):
        raise InvalidError(f"{section.disk} does not exist", where=f"{place.where}.disk")
    return _System(section, root)


class CpuTime(NamedTuple):
    """Jiffies of all processors together since boot."""

    busy: int
    total: int


def parse_stat(text: str) -> CpuTime:
    """The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.

    Guest time is left out: the kernel counts it in user already. Time waiting for a disk is not busy.
    """
    fields = text.partition("\n")[0].split()
    if fields[:1] != ["cpu"] or len(fields) < 5:
        raise ValueError("/proc/stat does not begin with the line of all processors")
    times = [int(field) for field in fields[1:9]]
    idle = times[3] + (times[4] if len(times) > 4 else 0)
    return CpuTime(sum(times) - idle, sum(times))


def cpu_percent(before: CpuTime, after: CpuTime) -> float | None:
    """How busy the processors were between two readings, 0 to 100; None when no jiffy has passed."""
    total = after.total - before.total
    # iowait and steal may count backwards (proc(5))
    return min(max(100 * (after.busy - before.busy) / total, 0.0), 100.0) if total > 0 else None


class Memory(NamedTuple):
    """Bytes."""

    total: int
    available: int


def parse_meminfo(text: str) -> Memory:
    """`/proc/meminfo`; a kernel before 3.14 without MemAvailable gives free, buffers and cached instead."""
    fields = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words:
            fields[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    try:
        available = fields.get("MemAvailable")
        if available is None:
            available = fields["MemFree"] + fields["Buffers"] + fields["Cached"]
        return Memory(fields["MemTotal"], available)
    except KeyError as error:
        raise ValueError(f"/proc/meminfo has no {error.args[0]}") from None


def parse_loadavg(text: str) -> float:
    """Mean number of runnable tasks over the last minute."""
    return float(text.split()[0])


def parse_uptime(text: str) -> float:
    """Seconds since boot."""
    return float(text.split()[0])


def parse_millidegrees(text: str) -> float:
    """`temp` of a thermal zone, `temp1_input` of hwmon: degrees Celsius."""
    return int(text) / 1000


def thermometer(root: Path) -> Path | None:
    """The file with the processor's temperature, or with the first there is; None on a machine without."""
    best: tuple[int, Path] | None = None
    for pattern, label in (
        ("sys/class/thermal/thermal_zone*/temp", "type"),
        ("sys/class/hwmon/hwmon*/temp1_input", "name"),
    ):
        for path in sorted(root.glob(pattern)):
            try:
                parse_millidegrees(path.read_text())
                name = (path.parent / label).read_text().strip().lower()
            except (OSError, ValueError):
                continue  # a zone that is switched off answers EAGAIN or ENODATA
            rank = 0 if any(word in name for word in ("cpu", "x86_pkg", "core", "soc", "k10temp")) else 1
            if best is None or rank < best[0]:
                best = (rank, path)
    return best[1] if best else None


class _System(Source):
    branch = "signal.input.system.resource"
    ranges: Mapping[str, tuple[float, float]] = {"cpu": (0, 100), "memory": (0, 100), "disk": (0, 100)}

    def __init__(self, section: SystemSection, root: Path) -> None:
        self.every = section.every
        self._disk = section.disk
        self._proc = root / "proc"
        self._thermometer = thermometer(root)
        self._before: CpuTime | None = None
        self.channels = {
            "cpu": "%",
            "memory": "%",
            "memory_available": "By",
            "disk": "%",
            "disk_available": "By",
            "load": "1",
            "uptime": "s",
        }
        if self._thermometer:
            self.channels["temperature"] = "Cel"

    def open(self) -> None:
        self._before = parse_stat(self._read("stat"))

    def sample(self) -> Mapping[str, Value]:
        values: dict[str, Value] = {}
        after = parse_stat(self._read("stat"))
        if self._before is not None and (busy := cpu_percent(self._before, after)) is not None:
            values["cpu"] = busy
            self._before = after
        memory = parse_meminfo(self._read("meminfo"))
        values["memory"] = 100 * (1 - memory.available / memory.total)
        values["memory_available"] = memory.available
        values["disk"] = disk_percent(self._disk)
        values["disk_available"] = disk_available(self._disk)
        values["load"] = parse_loadavg(self._read("loadavg"))
        values["uptime"] = parse_uptime(self._read("uptime"))
        if self._thermometer:
            values["temperature"] = parse_millidegrees(self._thermometer.read_text())
        return values

    def _read(self, name: str) -> str:
        return (self._proc / name).read_text()


def disk_percent(path: str) -> float:
    """How full the file system is, 0 to 100, as `df` counts: what only root may still use is full."""
    stat = os.statvfs(path)
    used = stat.f_blocks - stat.f_bfree
    usable = used + stat.f_bavail
    return 100 * used / usable if usable else 0.0


def disk_available(path: str) -> int:
    """Bytes that a program without root's rights could still store, as `df` counts."""
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize

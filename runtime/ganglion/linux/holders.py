# SPDX-License-Identifier: GPL-3.0-or-later
"""Which programs have a device open."""

import contextlib
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ganglion.printable import printable

_PROCESSES = Path("/proc")
#: Major numbers of ptys, which each file system of them counts from 0.
_PTYS = range(136, 144)
_ESTABLISHED = "01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a device open.

    Attributes:
        pid: Its number.
        command: The name of its program, as the program itself has set it: any letters.
        arguments: What it was started with, its program first; empty where that is not to be seen.
        is_service: Whether it is that of the package, which `systemctl` stops.
        folder: In which it runs; empty where that is not to be seen.
    """

    pid: int
    command: str
    arguments: tuple[str, ...] = ()
    is_service: bool = False
    folder: str = ""

    @property
    def node(self) -> str:
        """The configuration of the node that it is; empty where it is none."""
        for at, words in enumerate(zip(self.arguments, self.arguments[1:], strict=False)):
            if words == ("node", "run"):
                return printable(next((word for word in self.arguments[at + 2 :] if word.endswith(".toml")), "node"))
        return ""

    @property
    def verb(self) -> str:
        """What `ganglion` does, where it is that: `files`; started as itself, or by `python -m`."""
        names = [word.rpartition("/")[2] for word in self.arguments[:4]]
        for at, name in enumerate(names):
            if name == "ganglion" and (at == 0 or names[0].startswith("python")):
                return next((printable(each) for each in self.arguments[at + 1 :] if not each.startswith("-")), "")
        return ""

    @property
    def is_console(self) -> bool:
        """Whether it is `ganglion console`, which may share its port."""
        return not self.node and "console" in self.arguments[1:] and any("ganglion" in word for word in self.arguments)

    @property
    def shared_as(self) -> list[str]:
        """By which names other programs may have the port of a console: a path, and a URL of RFC 2217."""
        words = [part for word in self.arguments for part in (word.split("=", 1) if word.startswith("--") else [word])]
        found = dict(pairwise(words)) if self.is_console else {}
        names = [os.path.normpath(os.path.join(self.folder, found["--share"]))] if found.get("--share") else []
        address = found.get("--listen", "")
        if address.rpartition(":")[2].strip("0"):  # else it has chosen a port that only it knows
            names.append(f"rfc2217://{address if ':' in address else f'127.0.0.1:{address}'}")
        return [printable(name) for name in names]

    def __str__(self) -> str:
        if self.node:
            return f"the node of {self.node} (process {self.pid})"
        if self.is_console or self.verb:
            return f"ganglion {'console' if self.is_console else self.verb} (process {self.pid})"
        return f"{printable(self.command)} (process {self.pid})"


def holders(device: str) -> list[Holder]:
    """The other processes that have a device open, as far as this user may look into them."""
    path = os.path.realpath(device)
    found = []
    for process in _PROCESSES.glob("[0-9]*"):
        pid = int(process.name)
        if pid != os.getpid() and _has_open(process, path):
            found.append(_holder(process))
    return sorted(found, key=lambda holder: holder.pid)


def client_of(port: int) -> Holder | None:
    """The process of this machine that has connected from this TCP port, as far as this user may look into it."""
    inodes = [
        f"socket:[{inode}]" for table in ("net/tcp", "net/tcp6") for inode in _connected(_PROCESSES / table, port)
    ]
    for process in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError), os.scandir(process / "fd") as descriptors:
            if any(_leads_to(descriptor.path) in inodes for descriptor in descriptors):
                return _holder(process)
    return None


def _connected(table: Path, port: int) -> list[str]:
    """The inodes of sockets with this port of their own that are connected, as proc(5) lists them."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return []  # no IPv6
    rows = [line.split() for line in lines]
    return [row[9] for row in rows if row[3] == _ESTABLISHED and int(row[1].rpartition(":")[2], 16) == port]


def _has_open(process: Path, path: str) -> bool:
    try:
        with os.scandir(process / "fd") as descriptors:
            return any(_leads_to(descriptor.path) == path and _is(descriptor.path, path) for descriptor in descriptors)
    except OSError:
        return False  # gone meanwhile, or another user's


def _is(descriptor: str, path: str) -> bool:
    """Whether it is the same device: that of a container may have the same name, and ptys then even the same number."""
    theirs, ours = os.stat(descriptor), os.stat(path)
    is_pty = os.major(ours.st_rdev) in _PTYS
    return theirs.st_rdev == ours.st_rdev and (not is_pty or theirs.st_dev == ours.st_dev)


def _leads_to(descriptor: str) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""  # closed meanwhile


def _holder(process: Path) -> Holder:
    command = _said(process / "comm").strip() or "a process that has just ended"
    arguments = tuple(_said(process / "cmdline").split("\0")[:-1])
    is_service = "/ganglion.service" in _said(process / "cgroup")
    return Holder(
        pid=int(process.name),
        command=command,
        arguments=arguments,
        is_service=is_service,
        folder=_leads_to(str(process / "cwd")),
    )


def _said(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""

# SPDX-License-Identifier: GPL-3.0-or-later
"""The serial ports of this machine: which there are, what is plugged in there, and which program has them open."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganglion.board.model import Board

_PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a port open.

    Attributes:
        pid: Its number.
        command: The name of its program, as `ps` shows it.
    """

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """A serial port of this machine.

    Attributes:
        device: Its path, as `open_port` takes it.
        vid: USB vendor id; None for what is no USB device, as are `pid` and `serial_number`.
        pid: USB product id.
        serial_number: As the device says it.
        description: What the device calls itself.
        holders: Who has it open, as far as this user may know: root sees all.
        boards: Names of the boards that it may be, by its USB ids.
    """

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    description: str
    holders: tuple[Holder, ...]
    boards: tuple[str, ...]


def serial_ports(boards: Iterable[Board] = ()) -> list[SerialPort]:
    """Every serial port, by name.

    Args:
        boards: The boards to look for among what is plugged in.

    Raises:
        ImportError: pyserial is not installed.
    """
    from serial.tools.list_ports import comports

    known = list(boards)
    return [
        SerialPort(
            device=port.device,
            vid=port.vid,
            pid=port.pid,
            serial_number=port.serial_number,
            description="" if port.description == "n/a" else port.description,
            holders=tuple(holders(port.device)),
            boards=_names(port.vid, port.pid, port.serial_number, known),
        )
        for port in sorted(comports())
    ]


def _names(vid: int | None, pid: int | None, serial: str | None, boards: Sequence[Board]) -> tuple[str, ...]:
    """The boards that this may be: by the ids, and where many have the same, by what its serial number begins with."""
    if vid is None or pid is None:
        return ()
    usb, begins = f"{vid:04x}:{pid:04x}", serial or ""
    return tuple(
        board.name
        for board in boards
        if any(each.id == usb and begins.startswith(each.serial or ("",)) for each in board.usb)
    )


def holders(port: str) -> list[Holder]:
    """The other processes that have a port open, as far as this user may look into them."""
    path = os.path.realpath(port)
    found = []
    for process in _PROCESSES.glob("[0-9]*"):
        pid = int(process.name)
        if pid != os.getpid() and _has_open(process, path):
            found.append(Holder(pid=pid, command=_command(process)))
    return sorted(found, key=lambda holder: holder.pid)


def _has_open(process: Path, path: str) -> bool:
    try:
        with os.scandir(process / "fd") as descriptors:
            return any(_leads_to(descriptor.path) == path for descriptor in descriptors)
    except OSError:
        return False  # gone meanwhile, or another user's


def _leads_to(descriptor: str) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""  # closed meanwhile


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "a process that has just ended"

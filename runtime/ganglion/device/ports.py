# SPDX-License-Identifier: GPL-3.0-or-later
"""The serial ports of this machine: which there are, what is plugged in there, and which program has them open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ganglion.board.model import Board
from ganglion.linux.holders import Holder, holders


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

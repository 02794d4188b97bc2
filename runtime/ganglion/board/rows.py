# SPDX-License-Identifier: GPL-3.0-or-later
"""A board as people read it, in a terminal and on a page: facts with a name, and tables."""

from collections.abc import Sequence

from ganglion.board.model import Board, Flashing, Usb

#: The head of a table and its rows.
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]

OVERVIEW = ("name", "board", "chip", "runs", "mesh", "flashed by")


def overview(board: Board) -> tuple[str, ...]:
    """The row of a board under `OVERVIEW`."""
    return (board.name, board.title, board.chip, board.runs, board.mesh, board.flashing.method)


def facts(board: Board) -> list[tuple[str, str]]:
    """What is known, but for pins and buses; what is not known is left out."""
    image = board.image
    found = [
        ("vendor", board.vendor),
        ("chip", board.chip),
        ("runs", board.runs),
        ("C core built for", board.zig_target),
        ("flash", _size(board.flash_bytes)),
        ("memory", _size(board.memory_bytes)),
        ("mesh", board.mesh),
        ("capabilities", ", ".join(board.capabilities) or "none"),
        ("flashed", _flashed(board.flashing)),
        ("by hand", board.flashing.by_hand),
        ("image", f"{image.file} from {image.page}" if image else ""),
        ("sha256", image.sha256 if image else ""),
        *(("USB", _usb(each)) for each in board.usb),
        *(("sensor", f"{name} ({table.get('kind', '?')})") for name, table in board.sensor.items()),
        *(("limit", ", ".join(f"{key} = {value!r}" for key, value in table.items())) for table in board.limit),
        *(("note", each) for each in board.notes),
    ]
    return [(name, text) for name, text in found if text]


def buses(board: Board) -> Table:
    """Name, device, pins by their labels, speed, and what else there is to know."""
    labels = {pin.number: label for label, pin in board.pin.items()}
    rows: list[tuple[str, ...]] = []
    for name, bus in board.bus.items():
        pins = ", ".join(f"{signal} {labels.get(number, number)}" for signal, number in bus.pins().items())
        speed = f"{bus.frequency} Hz" if bus.frequency else f"{bus.baud} baud" if bus.baud else ""
        used = f"used by {bus.used_by}" if bus.used_by else ""
        rows.append((name, bus.device, pins, speed, _joined((used, bus.note))))
    return ("bus", "device", "pins", "speed", "remark"), rows


def pins(board: Board) -> Table:
    """Label, number, place, what it can do, and what else there is to know; in the order of the numbers."""
    rows: list[tuple[str, ...]] = []
    for label, pin in sorted(board.pin.items(), key=lambda each: (each[1].number is None, each[1].number)):
        remark = (
            f"reserved for {pin.reserved}" if pin.reserved else "",
            "input only" if "in" in pin.can and "out" not in pin.can else "",
            f"at start: {pin.strapping}" if pin.strapping else "",
            f"has {pin.has}" if pin.has else "",
            pin.note,
        )
        number = "" if pin.number is None else str(pin.number)
        rows.append((", ".join((label, *pin.also)), number, pin.at, " ".join(pin.can), _joined(remark)))
    return ("pin", "number", "at", "can", "remark"), rows


def _joined(parts: Sequence[str]) -> str:
    return "; ".join(part for part in parts if part)


def _size(count: int | None) -> str:
    if count is None:
        return ""
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} bytes"


def _usb(usb: Usb) -> str:
    when = {"boot": ", while it waits for an image", "run": ", while it runs", "both": ""}[usb.mode]
    serial = f", serial number {' or '.join(f'{each}…' for each in usb.serial)}" if usb.serial else ""
    return f"{usb.id} {usb.name}{when}{serial}{', as on other boards' if usb.shared else ''}"


def _flashed(flashing: Flashing) -> str:
    match flashing.method:
        case "esptool":
            at = f"at 0x{flashing.offset or 0:x} with {flashing.baud} baud"
            return f"esptool --chip {flashing.chip}, {at}, {flashing.before}, {flashing.after}"
        case "uf2":
            return f"a UF2 file of family 0x{flashing.family or 0:08x} onto the drive {flashing.label}"
        case "daplink":
            return f"a hex file onto the drive {flashing.label}; what was wrong is in {flashing.error_file}"
        case "ssh":
            packages = ", ".join(f"{form} of {machine}" for form, machine in flashing.packages.items())
            return f"over SSH{f' as {flashing.user}' if flashing.user else ''}: {packages}"
    return "not at all"

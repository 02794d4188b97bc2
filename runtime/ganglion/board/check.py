# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the parts of a board fit together: pins and buses, offsets and flash, USB ids and those of other boards."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from ganglion.board.model import Board, Bus, Pin, kind_of
from ganglion.board.words import DRIVEN, ESP_CHIPS, METHODS, RUNS, SIGNALS, UF2_CHIPS, UF2_FAMILIES
from ganglion.settings import meant

#: Bytes that a flash chip erases at once: what begins elsewhere would take its neighbour along.
SECTOR = 4096
#: Capabilities that go over the mesh.
_MESHED = ("prompt", "publish", "intent", "webhook")
#: Bridges from USB to a serial line, which are on boards of everybody (drivers/usb/serial/cp210x.c, ch341.c and
#: ftdi_sio_ids.h of Linux), and what a chip or a programmer says wherever it is (esptool's loader.py; DAPLink).
_EVERYWHERE = {
    "10c4:ea60": "Silicon Labs CP210x",
    "1a86:7523": "WCH CH340",
    "0403:6001": "FTDI FT232R",
    "303a:1001": "Espressif's USB serial and JTAG",
    "0d28:0204": "DAPLink",
}
#: Method -> the keys of `[flashing]` that it needs, and those that it may have besides.
_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "esptool": (("chip", "offset", "baud", "before", "after"), ("by_hand",)),
    "uf2": (("family", "label"), ("by_hand",)),
    "daplink": (("label", "error_file"), ("by_hand",)),
    "ssh": (("packages",), ("user", "by_hand")),
    "none": ((), ()),
}
assert set(_KEYS) == set(METHODS)


class Problem(NamedTuple):
    """What does not fit.

    Attributes:
        key: Where, as in `bus.i2c0.sda`.
        message: A sentence that says what and what to do.
    """

    key: str
    message: str


def problems(board: Board, others: Iterable[Board] = (), wrong: Collection[str] = ()) -> list[Problem]:
    """What does not fit in a board, in the order of its file.

    Args:
        others: The boards that it must be told apart from on USB; itself among them counts as nothing.
        wrong: Keys that are wrong by themselves, which was said: nothing is said of what depends on them.
    """
    others = [each for each in others if each.name != board.name]
    parts = {key.partition(".")[0].partition("[")[0] for key in wrong}
    is_known = board.runs in RUNS
    found = [
        *(_kinds(board) if is_known and "image" not in parts else ()),
        *_pins(board.pin),
        *(
            each
            for name, bus in (board.bus.items() if is_known and "pin" not in parts else ())
            if kind_of(name) in SIGNALS
            for each in _bus(name, bus, board)
        ),
        *_twice(board.bus, board.pin),
        *_usb(board, others),
        *(_flashing(board) if board.flashing and board.flashing.method in METHODS else ()),
    ]
    return [each for each in found if not any(f"{each.key}.".startswith(f"{key}.") for key in wrong)]


def _kinds(board: Board) -> Iterator[Problem]:
    if board.runs == "cpython":
        if not board.zig_target and board.chip != "none":
            yield Problem("zig_target", "what runs CPython needs one: the C core is built for it")
        if board.image is not None:
            yield Problem("image", "what runs CPython needs no MicroPython: take the table out")
    else:
        if board.zig_target:
            yield Problem("zig_target", "what runs MicroPython runs no C core: take the key out")
        if board.image is None:
            yield Problem("image", "this table is required: which MicroPython does the board need?")
    if board.mesh == "none":
        for each in (each for each in board.capabilities if each in _MESHED):
            yield Problem("capabilities", f'{each} goes over the mesh, and mesh is "none"')
    for each in sorted({each for each in board.capabilities if board.capabilities.count(each) > 1}):
        yield Problem("capabilities", f"{each} stands there twice")


def _pins(pins: Mapping[str, Pin]) -> Iterator[Problem]:
    numbers: dict[int, str] = {}
    called: dict[str, str] = {}
    for name, pin in pins.items():
        here = f"pin.{name}"
        if pin.number is not None and (first := numbers.setdefault(pin.number, name)) != name:
            yield Problem(f"{here}.number", f"{pin.number} is {first} already: give the other name to `also` there")
        for label in (name, *pin.also):
            if (first := called.setdefault(label, name)) != name:
                yield Problem(f"{here}.also", f"{label} is a name of {first} already")
        if "out" not in pin.can:
            for each in pin.can:
                if each in ("pwm", "dac") or _drives(each):
                    yield Problem(f"{here}.can", f"{each} drives the pin, so it can out too, or cannot {each}")


def _drives(function: str) -> bool:
    """Whether a function of a bus is of a signal that is driven, whatever else it may be."""
    kind, _, signal = function.partition(".")
    return kind_of(kind) in SIGNALS and (not signal or signal in DRIVEN)


def _bus(name: str, bus: Bus, board: Board) -> Iterator[Problem]:
    here, kind = f"bus.{name}", kind_of(name)
    given = bus.pins()
    if board.runs == "cpython" and not bus.device:
        yield Problem(f"{here}.device", "what runs Linux has a device for each bus: name it, as in /dev/i2c-1")
    if board.runs == "micropython" and bus.device:
        yield Problem(f"{here}.device", "only Linux has devices: take the key out")
    if board.runs == "micropython" or given:
        for signal in SIGNALS[kind]:
            optional = signal == "cs" or (signal in ("mosi", "miso") and ({"mosi", "miso"} & set(given)))
            if signal not in given and not optional:
                yield Problem(here, f"the pin of {signal} is missing: {signal} = NUMBER")
    if kind == "uart" and bus.frequency is not None:
        yield Problem(f"{here}.frequency", "a serial line has no clock: write baud")
    if kind != "uart" and bus.baud is not None:
        yield Problem(f"{here}.baud", "a bus with a clock has a frequency: write that")
    by_number = {pin.number: (label, pin) for label, pin in board.pin.items() if pin.number is not None}
    for signal, number in given.items():
        at = f"{here}.{signal}"
        if signal not in SIGNALS[kind]:
            yield Problem(at, f"a bus of kind {kind} has no {signal}: it has {', '.join(SIGNALS[kind])}")
        elif number not in by_number:
            yield Problem(at, f"there is no pin {number} in [pin]")
        else:
            label, pin = by_number[number]
            if pin.reserved:
                yield Problem(at, f"{label} is reserved for {pin.reserved}: take another")
            elif not pin.carries(name, signal):
                yield Problem(at, f"{label} cannot be {signal} of {name}: it can {', '.join(pin.can)}")


def _twice(buses: Mapping[str, Bus], pins: Mapping[str, Pin]) -> Iterator[Problem]:
    labels = {pin.number: label for label, pin in pins.items()}
    taken: dict[int, str] = {}
    for name, bus in buses.items():
        for signal, number in bus.pins().items():
            role = f"{signal} of {name}"
            if (first := taken.setdefault(number, role)) != role:
                label = labels.get(number, number)
                yield Problem(f"bus.{name}.{signal}", f"{label} is {first} already: a pin has one role")


def _usb(board: Board, others: list[Board]) -> Iterator[Problem]:
    elsewhere: dict[str, list[str]] = {}
    for other in others:
        for usb in other.usb:
            elsewhere.setdefault(usb.id, []).append(other.name)
    seen: set[str] = set()
    for i, usb in enumerate(board.usb):
        if usb.id in seen:
            yield Problem(f"usb[{i}].id", f"{usb.id} stands there twice")
        seen.add(usb.id)
        if usb.shared:
            continue
        if usb.id in _EVERYWHERE:
            said = f"{usb.id} is {_EVERYWHERE[usb.id]}, which is on many boards: add shared = true"
            yield Problem(f"usb[{i}].id", said)
        elif usb.id in elsewhere:
            has = ", ".join(dict.fromkeys(elsewhere[usb.id]))
            yield Problem(f"usb[{i}].id", f"{has} has the same: add shared = true to all of them")


def _flashing(board: Board) -> Iterator[Problem]:
    flashing = board.flashing
    needed, besides = _KEYS[flashing.method]
    for key in needed:
        if getattr(flashing, key) in ("", None, {}):
            yield Problem("flashing", f'{key} is required by method = "{flashing.method}"')
    for key in dict.fromkeys(key for keys in _KEYS.values() for each in keys for key in each):
        if key not in (*needed, *besides) and getattr(flashing, key) not in ("", None, {}):
            yield Problem(f"flashing.{key}", f'method = "{flashing.method}" has no use for it: take the key out')
    yield from _chip(board)
    if (offset := flashing.offset) is not None:
        if offset % SECTOR:
            yield Problem("flashing.offset", f"0x{offset:x} is not at the beginning of a sector of {SECTOR} bytes")
        if board.flash_bytes is not None and offset >= board.flash_bytes:
            said = f"0x{offset:x} is behind the end of the flash, which has 0x{board.flash_bytes:x} bytes"
            yield Problem("flashing.offset", said)
    if board.flash_bytes is not None and board.flash_bytes % SECTOR:
        yield Problem("flash_bytes", f"{board.flash_bytes} bytes are no whole sectors of {SECTOR}")


def _chip(board: Board) -> Iterator[Problem]:
    """Whether what is written into the flash is for the chip."""
    chip, family = board.flashing.chip, board.flashing.family
    if chip and chip not in ESP_CHIPS:
        known = ", ".join(ESP_CHIPS)
        yield Problem("flashing.chip", f"must be one of {known}, not {chip!r}{meant(chip, ESP_CHIPS)}")
        yield from _flashable(board, ESP_CHIPS)
    elif chip and chip != board.chip:
        yield Problem("chip", f"flashing.chip is {chip!r}: write that here, too, not {board.chip!r}")
    if family is not None and family not in UF2_CHIPS:
        whose = f" is of {UF2_FAMILIES[family]}" if family in UF2_FAMILIES else ""
        known = ", ".join(f"0x{each:08x} of {UF2_FAMILIES[each]}" for each in UF2_CHIPS)
        yield Problem("flashing.family", f"0x{family:08x}{whose}: those that can be flashed are {known}")
        yield from _flashable(board, sorted({*UF2_CHIPS.values()}))
    elif family is not None and UF2_CHIPS[family] != board.chip:
        said = f"flashing.family 0x{family:08x} is of an {UF2_CHIPS[family]}: write that here, not {board.chip!r}"
        yield Problem("chip", said)


def _flashable(board: Board, chips: Collection[str]) -> Iterator[Problem]:
    """The chip by itself, where what is to be flashed does not say which it has to be."""
    if board.chip not in chips:
        known = ", ".join(chips)
        said = f'method = "{board.flashing.method}" is for {known}, not {board.chip!r}{meant(board.chip, chips)}'
        yield Problem("chip", said)

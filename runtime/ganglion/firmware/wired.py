# SPDX-License-Identifier: GPL-3.0-or-later
"""What an `agent.json` wants of a board, beside what the board's file says that it has: pins, buses, its place."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ganglion.board import Board
from ganglion.board.model import Pin
from ganglion.errors import InvalidError
from ganglion.firmware.asked import is_full

#: By driver of a sensor on a pin: what the pin has to do. Those of one wire are pulled low by both ends.
_SENSES = {"pin": ("in",), "adc": ("adc",), "dht22": ("in", "out"), "ds18b20": ("in", "out")}
_DRIVES = {"pin": ("out",), "pwm": ("pwm",)}
_WORDS = {"in": "be read", "out": "be switched", "pwm": "give pulses", "adc": "measure a voltage"}
_OF_ACTUATOR = re.compile(r"actuators\.[^.]+\.pin")
_OF_LINE = re.compile(r"buses\.[^.]+\.(sda|scl)|uplink\.(tx|rx)")
#: Key of a wish, the pin that it names, and what that has to do.
_Wish = tuple[str, object, tuple[str, ...]]


def check_apart(table: Mapping[str, Any], where: str) -> None:
    """Refuses two parts on one line: one that moves a pin, or talks over it, has it for itself.

    Args:
        table: What an `agent.json` says, each part of it right by itself.
        where: The file, for messages.

    Raises:
        InvalidError: with the key.
    """
    numbers: dict[int, str] = {}
    for name, bus in table.get("buses", {}).items():
        if (other := numbers.setdefault(bus.get("id", 0), name)) != name:
            raise InvalidError(f"buses.{name}.id: buses.{other} has this number: take another", where=where)
    wishes = [(key, str(pin).lstrip("GPIO")) for key, pin, _ in _wishes(table) if pin is not None]
    owners: dict[str, str] = {}
    for alone in (_OF_ACTUATOR, _OF_LINE):
        for key, pin in wishes:
            if alone.fullmatch(key):
                owners.setdefault(pin, key)
    for key, pin in wishes:
        if (owner := owners.get(pin, key)) != key:
            raise InvalidError(f"{key}: {owner.rpartition('.')[0]} has this pin: take another", where=where)


def check_wired(table: Mapping[str, Any], board: Board, where: str) -> None:
    """Refuses what the board cannot be, and pins that it has not, needs itself, or that cannot do what is asked.

    Args:
        table: What an `agent.json` says, each part of it right by itself.
        board: What it is for; one whose file names no pins is not asked for any.
        where: The file, for messages.

    Raises:
        InvalidError: with the key, and what to take in its place.
    """
    if said := _place(table, board):
        raise InvalidError(said, where=where)
    if not board.pin:
        return
    for key, bus in _lines(table):
        if not any(pin.carries(bus, "sda") or pin.carries(bus, "tx") for pin in board.pin.values()):
            raise InvalidError(f"{key}: {board.title} has no {bus}{_among(_buses(board, bus))}", where=where)
    for key, wanted, does in [*_wishes(table)]:
        if wanted is not None and (said := _refusal(board, wanted, does)):
            raise InvalidError(f"{key}: {said}", where=where)


def _place(table: Mapping[str, Any], board: Board) -> str:
    """Why the board cannot be in the mesh what is asked of it; empty where it can."""
    if board.runs != "micropython":
        return f"board: {board.name} runs no MicroPython, so it takes a whole node and no firmware"
    if board.mesh == "none":
        return (
            f"board: {board.title} is too small for the agent: `ganglion flash --image-only` brings MicroPython alone"
        )
    if is_full(table) and board.mesh != "full":
        return f"broker: {board.title} is too small for a full member of the mesh: name a parent in place of the broker"
    return ""


def _lines(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys that number a bus, and the bus."""
    for name, bus in table.get("buses", {}).items():
        yield f"buses.{name}.id", f"i2c{bus.get('id', 0)}"
    if "uart" in (uplink := table.get("uplink", {})):
        yield "uplink.uart", f"uart{uplink['uart']}"


def _wishes(table: Mapping[str, Any]) -> Iterator[_Wish]:
    for name, bus in table.get("buses", {}).items():
        for signal in ("sda", "scl"):
            yield f"buses.{name}.{signal}", bus.get(signal), (f"i2c{bus.get('id', 0)}.{signal}",)
    if "uart" in (uplink := table.get("uplink", {})):
        for signal in ("tx", "rx"):
            yield f"uplink.{signal}", uplink.get(signal), (f"uart{uplink['uart']}.{signal}",)
    for kind, drivers in (("sensors", _SENSES), ("actuators", _DRIVES)):
        for name, part in table.get(kind, {}).items():
            if does := drivers.get(part["driver"]):
                yield f"{kind}.{name}.pin", part.get("pin"), does
            if shown := part.get("readback"):
                yield f"{kind}.{name}.readback.pin", shown.get("pin"), ("in",)


def _refusal(board: Board, wanted: object, does: tuple[str, ...]) -> str:
    """Why a pin is not to be had for this; empty where it is."""
    pins = {name: pin for name, pin in board.pin.items() if not pin.reserved and all(_can(pin, each) for each in does)}
    instead = _among(_written(pins))
    for name, pin in board.pin.items():
        names = {name, *pin.also} if pin.number is None else {name, *pin.also, f"GPIO{pin.number}", pin.number}
        if wanted not in names:
            continue
        if pin.reserved:
            return f"pin {wanted} of {board.title} is reserved for {pin.reserved}{instead}"
        lacks = [each for each in does if not _can(pin, each)]
        said = " and ".join(_WORDS.get(each, f"be {each}") for each in lacks)
        return f"pin {wanted} of {board.title} cannot {said}{instead}" if lacks else ""
    return f"{board.title} has no pin {wanted}{instead}"


def _can(pin: Pin, does: str) -> bool:
    bus, _, signal = does.partition(".")
    return pin.carries(bus, signal) if signal else does in pin.can


def _buses(board: Board, bus: str) -> list[str]:
    """Those of its kind that are numbered, as `i2c0`."""
    kind = bus.rstrip("0123456789")
    found = {each.partition(".")[0] for pin in board.pin.values() for each in pin.can}
    return sorted(each for each in found if each.startswith(kind) and each != kind)


def _written(pins: Mapping[str, Pin]) -> list[str]:
    """As `0 to 22`, `26`, `LED`."""
    found: list[list[int]] = []
    for number in sorted(pin.number for pin in pins.values() if pin.number is not None):
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    shown = [str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in found]
    return shown + [name for name, pin in pins.items() if pin.number is None]


def _among(names: Iterable[str]) -> str:
    known = ", ".join(names)
    return f"; take one of {known}" if known else ""

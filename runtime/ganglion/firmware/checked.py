# SPDX-License-Identifier: GPL-3.0-or-later
"""An `agent.json`, checked by the agent's own code before it is on a board: only what needs the pins is left."""

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ganglion.board import Board
from ganglion.errors import InvalidError
from ganglion.firmware.bundle import drivers_in
from ganglion.firmware.wired import check_apart, check_wired
from ganglion.sensors.chips import CHIPS
from ganglion_agent import outputs, readback, sensors
from ganglion_agent.config import FILE, Config, limits, named
from ganglion_agent.device import MIN_EVERY
from ganglion_agent.interlock import Interlocks
from ganglion_agent.section import ConfigError, Section, missing
from ganglion_micro import gl1

_PARTS = ("buses", "sensors", "actuators")
#: The name of a pin, as MicroPython's boards have them.
_PIN = re.compile(r"[A-Z0-9][A-Z0-9_]*")
#: Keys of an actuator that the agent reads when all of them are there.
_TOGETHER = ("requires", "excludes", "readback")


def check(table: Mapping[str, Any], where: str, board: Board | None = None, *, whole: bool = True) -> None:
    """Refuses what the agent would refuse at its start, by its own readers, and what the board cannot.

    Args:
        table: What an `agent.json` says.
        where: The file, for messages.
        board: What it is for; None where nobody has said.
        whole: Whether it is to be on a board as it is; one that only says what a version is to have may leave out what
            the board is called, how it is on the mesh, and pins.

    Raises:
        InvalidError: with the key, as the board would say it.
    """
    name = table.get("name")
    if isinstance(name, str) and not gl1.level(name):
        raise InvalidError(f"name: {name!r} is none: 1 to 32 of a-z A-Z 0-9 _ -", where=where)
    if "broker" in table and "parent" in table:
        raise InvalidError(
            "parent: there is a broker, too, and a board has one of the two: `parent` where it is a leaf of a node "
            "beside it, `broker` where it is a full member with a key of its own: take the other out",
            where=where,
        )
    drivers_in(table, where)
    try:
        Config(Section(FILE, dict(table) if whole else _with_mesh(table)), None)
        _parts(Section(FILE, {key: table[key] for key in _PARTS if key in table}), whole)
    except ConfigError as error:
        raise InvalidError(str(error).removeprefix(f"{FILE}."), where=where) from None
    check_apart(table, where)
    if board is not None:
        check_wired(table, board, where)


def _with_mesh(table: Mapping[str, Any]) -> dict[str, Any]:
    uplink = table.get("uplink", {"kind": "none"})
    found: dict[str, Any] = {"name": "board", "uplink": uplink, **table}
    is_serial = isinstance(uplink, dict) and uplink.get("kind") == "serial"
    if "broker" not in table and not is_serial:
        found.setdefault("parent", {"host": "parent"})
    return found


def _parts(section: Section, whole: bool) -> None:
    buses = dict(section.sections("buses"))
    for each in buses.values():
        _bus(each)
    for _, part in named(section, "sensors"):
        _sensor(part, buses, whole)
    _actuators(section, whole)


def _bus(section: Section) -> None:
    section.take("id", int, 0)
    section.take("frequency", int, 400000, 1000, 1000000)
    given = [key for key in ("sda", "scl") if section.has(key)]
    if len(given) == 1:
        missed = "scl" if given == ["sda"] else "sda"
        raise section.error(missed, f"is missing: write both, or leave {given[0]} out for the board's own pins")
    pins = {key: section.value(key) for key in ("sda", "scl")}
    for key in given:
        _pin(section, pins[key], key)
    section.close()


def _pin(section: Section, pin: object, key: str = "pin", *, whole: bool = True) -> None:
    """Refuses what is no pin on any board: a number from 0 on, or a name with a number or in capitals."""
    if pin is None:
        if whole:
            raise section.error(key, "is missing: write its number, or its name in capitals, as in 15 or GP15")
        return
    number = isinstance(pin, int) and not isinstance(pin, bool) and pin >= 0
    if not number and not (isinstance(pin, str) and _PIN.fullmatch(pin)):
        raise section.error(key, f"{pin!r} is no pin: write its number, or its name in capitals, as in 15 or GP15")


def _sensor(section: Section, buses: Mapping[str, Section], whole: bool) -> None:
    def bus(name: str) -> None:
        if name not in buses:
            raise section.error("bus", missing("bus", name, buses))

    section.duration("every", "10s", MIN_EVERY)
    said = section.rest()
    if said.get("driver") in sensors.INPUTS:
        _pin(section, said.get("pin"), whole=whole)
    try:
        sensors.maker(Section(section.where, said), bus)
    except ImportError:  # of a module that only boards have, after all keys were read
        return
    driver = said["driver"]
    if driver in sensors.CHIPS:
        _address(section, driver, said)
    options = {key: value for key, value in said.items() if key not in ("driver", "bus")}
    if driver in sensors.CHIPS:
        module = import_module(f"ganglion_micro.drivers.{'bme280' if driver == 'bmp280' else driver}")
        try:
            inspect.signature(getattr(module, sensors.CHIPS[driver])).bind(None, **options)
        except TypeError as error:
            raise ConfigError(f"{section.where}: {driver}: {error}") from None


def _address(section: Section, driver: str, said: Mapping[str, Any]) -> None:
    """Refuses an address that the chip cannot have, which the board would only find silent."""
    known = CHIPS[driver].addresses
    if "address" in said and (type(said["address"]) is not int or said["address"] not in known):
        written = " or ".join(f"{each} (0x{each:02x})" for each in known)
        raise section.error("address", f"must be {written}, not {said['address']!r}")


def _actuators(section: Section, whole: bool) -> None:
    found: dict[str, Any] = {}
    locks: dict[str, tuple[Any, Any]] = {}
    for name, part in named(section, "actuators"):
        held, _, _ = limits(part)
        found[name] = SimpleNamespace(limits=held)
        requires, excludes, shown = (part.value(key) for key in _TOGETHER)
        _pin(part, outputs.read(part, held, {}).pin, whole=whole)
        if shown is not None:
            back = Section(f"{part.where}.readback", shown)
            _pin(back, readback.read(back)[1], whole=whole)
        if (requires, excludes) != (None, None):
            locks[name] = requires, excludes
    Interlocks(found, locks)

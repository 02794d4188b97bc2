# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs on a board, checked by the agent's own code before it is there: only what needs the pins is left."""

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ganglion.errors import InvalidError
from ganglion_agent import outputs, readback, sensors
from ganglion_agent.config import FILE, Config, limits, named
from ganglion_agent.device import MIN_EVERY
from ganglion_agent.interlock import Interlocks
from ganglion_agent.section import ConfigError, Section, missing

_PARTS = ("buses", "sensors", "actuators")
#: The name of a pin, as MicroPython's boards have them.
_PIN = re.compile(r"[A-Z0-9][A-Z0-9_]*")
#: Keys of an actuator that the agent reads when all of them are there.
_TOGETHER = ("requires", "excludes", "readback")


def check_given(table: Mapping[str, Any], where: str) -> None:
    """Refuses what the agent would refuse of the keys that are there, by its own reader; one that is for a build alone
    may leave out what the board is called and how it is on the mesh.

    Args:
        table: What an `agent.json` says.
        where: The file, for messages.

    Raises:
        InvalidError: with the key, as the board would say it.
    """
    uplink = table.get("uplink", {"kind": "none"})
    whole: dict[str, Any] = {"name": "board", "uplink": uplink, **table}
    is_serial = isinstance(uplink, dict) and uplink.get("kind") == "serial"
    if "broker" not in table and not is_serial:
        whole.setdefault("parent", {"host": "parent"})
    try:
        Config(Section(FILE, whole), None)
    except ConfigError as error:
        raise InvalidError(str(error).removeprefix(f"{FILE}."), where=where) from None


def check_parts(table: Mapping[str, Any], where: str) -> None:
    """Refuses buses, sensors and actuators that the agent would refuse at its start.

    Args:
        table: What an `agent.json` says; its other keys are not looked at.
        where: The file, for messages.

    Raises:
        InvalidError: with the key, as the board would say it.
    """
    section = Section(FILE, {key: table[key] for key in _PARTS if key in table})
    try:
        buses = dict(section.sections("buses"))
        for each in buses.values():
            _bus(each)
        for _, part in named(section, "sensors"):
            _sensor(part, buses)
        _actuators(section)
    except ConfigError as error:
        raise InvalidError(str(error).removeprefix(f"{FILE}."), where=where) from None


def _bus(section: Section) -> None:
    section.take("id", int, 0)
    section.take("frequency", int, 400000, 1000, 1000000)
    given = [key for key in ("sda", "scl") if section.has(key)]
    if len(given) == 1:
        missed = "scl" if given == ["sda"] else "sda"
        raise section.error(missed, f"is missing: write both, or leave {given[0]} out for the board's own pins")
    for key in given:
        _pin(section, key, section.value(key))
    section.value("sda"), section.value("scl")
    section.close()


def _pin(section: Section, key: str, pin: object) -> None:
    """Refuses what is no pin on any board: a number from 0 on, or a name with a number or in capitals."""
    number = isinstance(pin, int) and not isinstance(pin, bool) and pin >= 0
    if not number and not (isinstance(pin, str) and _PIN.fullmatch(pin)):
        raise section.error(key, f"{pin!r} is no pin: write its number, or its name in capitals, as in 15 or GP15")


def _sensor(section: Section, buses: Mapping[str, Section]) -> None:
    def bus(name: str) -> None:
        if name not in buses:
            raise section.error("bus", missing("bus", name, buses))

    section.duration("every", "10s", MIN_EVERY)
    said = section.rest()
    if said.get("driver") in sensors.INPUTS and "pin" in said:
        _pin(section, "pin", said["pin"])
    try:
        sensors.maker(Section(section.where, said), bus)
    except ImportError:  # of a module that only boards have, after all keys were read
        return
    driver = said["driver"]
    options = {key: value for key, value in said.items() if key not in ("driver", "bus")}
    if driver in sensors.CHIPS:
        module = import_module(f"ganglion_micro.drivers.{'bme280' if driver == 'bmp280' else driver}")
        try:
            inspect.signature(getattr(module, sensors.CHIPS[driver])).bind(None, **options)
        except TypeError as error:
            raise ConfigError(f"{section.where}: {driver}: {error}") from None


def _actuators(section: Section) -> None:
    found: dict[str, Any] = {}
    locks: dict[str, tuple[Any, Any]] = {}
    taken: list[Any] = []
    for name, part in named(section, "actuators"):
        held, _, _ = limits(part)
        found[name] = SimpleNamespace(limits=held)
        requires, excludes, shown = (part.value(key) for key in _TOGETHER)
        outputs.read(part, held, taken)
        if shown is not None:
            readback.read(Section(f"{part.where}.readback", shown))
        if (requires, excludes) != (None, None):
            locks[name] = requires, excludes
    Interlocks(found, locks)

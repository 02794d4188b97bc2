# SPDX-License-Identifier: GPL-3.0-or-later
"""From `[actuator.<name>]` tables to drivers behind one guardian."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError
from ganglion.guardian.driver import Driver, Place
from ganglion.guardian.guardian import Guardian
from ganglion.guardian.words import Risk, Rule
from ganglion.settings import nearest, read
from ganglion_micro.limits import Limits

#: Driver -> module with `SECTION`, its dataclass, and `driver(section, place)`.
DRIVERS = {"file": "ganglion.guardian.file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actuator:
    """One thing that moves.

    Attributes:
        name: Of its table.
        driver: What moves it.
        rule: What the guardian holds it to.
    """

    name: str
    driver: Driver
    rule: Rule


def build(name: str, table: Mapping[str, Any], *, where: str = "", resolve: Callable[[str], Path] = Path) -> Actuator:
    """An actuator from its table.

    Args:
        name: The table's name.
        table: `driver` and the keys of that driver's section.
        where: What stands before `actuator.<name>` in a complaint, for example `node.toml: `.
        resolve: Makes the table's paths absolute.

    Raises:
        InvalidError: a key is unknown, missing or wrong; named as `actuator.<name>.<key>`, with the nearest right one.
    """
    place = Place(where=f"{where}actuator.{name}", resolve=resolve)
    kind = table.get("driver")
    if not isinstance(kind, str) or kind not in DRIVERS:
        said = "this key is required" if kind is None else f"there is no driver {kind!r}"
        raise InvalidError(f"{said}{nearest(str(kind), DRIVERS)}", where=f"{place.where}.driver")
    module = import_module(DRIVERS[kind])
    section = read(module.SECTION, table, place.where)
    if section.risk not in list(Risk):
        raise InvalidError(f"must be one of {', '.join(Risk)}, not {section.risk!r}", where=f"{place.where}.risk")
    try:
        limits = Limits(
            low=section.low,
            high=section.high,
            values=section.values,
            max_step=section.max_step,
            rate=section.rate,
            min_on=section.min_on,
            min_off=section.min_off,
            max_on=section.max_on,
            off=section.off,
            safe=section.fail_safe,
        )
    except ValueError as error:
        raise InvalidError(str(error), where=place.where) from error
    rule = Rule(limits=limits, requires=section.requires, excludes=section.excludes, risk=Risk(section.risk))
    return Actuator(name=name, driver=module.driver(section, place), rule=rule)


def guard(actuators: Mapping[str, Actuator], *, where: str = "") -> Guardian:
    """The guardian of all of them.

    Raises:
        InvalidError: they name each other wrongly.
    """
    try:
        return Guardian({name: actuator.rule for name, actuator in actuators.items()})
    except ValueError as error:
        raise InvalidError(f"actuator.{error}", where=where.rstrip(": ")) from error

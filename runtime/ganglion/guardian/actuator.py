# SPDX-License-Identifier: GPL-3.0-or-later
"""From `[actuator.<name>]` tables to drivers behind one guardian."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError
from ganglion.guardian.day import window
from ganglion.guardian.driver import Driver, Place, Section
from ganglion.guardian.guardian import Guardian
from ganglion.guardian.i2c import SIMULATED
from ganglion.guardian.restriction import Side, restricted
from ganglion.guardian.words import Risk, Rule
from ganglion.linux.device import leads_to
from ganglion.settings import choice, read
from ganglion.units import SECOND
from ganglion_micro.limits import Limits

if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

#: Driver -> module with `SECTION`, its dataclass, and `driver(section, place)`.
DRIVERS = {
    "file": "ganglion.guardian.file",
    "gpio": "ganglion.guardian.gpio",
    "pca9685": "ganglion.guardian.pca9685",
    "pcf8574": "ganglion.guardian.pcf8574",
    "pwm": "ganglion.guardian.pwm",
    "sim": "ganglion.guardian.sim",
}

#: Nanoseconds. What a model wanted longer ago is not what a person sees now.
_LONGEST_CONSENT = 3600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Actuator:
    """One thing that moves.

    Attributes:
        name: Of its table.
        driver: What moves it.
        rule: What the guardian holds it to, by its table and its board.
        section: Its table; None for one that nobody else may limit.
        sides: Who limits it besides.
        where: What begins its complaints.
        resolve: Makes the paths of its table, and of limits, absolute.
    """

    name: str
    driver: Driver
    rule: Rule
    section: Section | None = None
    sides: tuple[Side, ...] = ()
    where: str = ""
    resolve: Callable[[str], Path] = Path

    def under(self, fleet: Side) -> Rule:
        """What it is held to under limits of one more side. Where they cannot be held, nothing but its safe value."""
        if self.section is None:
            return self.rule
        try:
            sides = (*self.sides, fleet)
            return _rule(self.section, sides, name=self.name, where=self.where, resolve=self.resolve)
        except InvalidError as error:
            reason = str(error).removeprefix(f"{error.where}: ")
            return replace(self.rule, barred=f"limits of {fleet.source} leave it nothing but its fail_safe: {reason}")


def no_adapters(bus: str) -> "I2C":
    """For who has none: OSError."""
    raise OSError(f"{bus} cannot be opened here")


def chips(tables: Mapping[str, Mapping[str, Any]], *, where: str = "") -> dict[str, tuple[str, int]]:
    """Bus and address of those that are outputs of a chip on an I2C bus, by name; without simulated ones.

    Args:
        tables: `[actuator.<name>]`.
        where: As in `build`.

    Raises:
        InvalidError: a table is wrong.
    """
    sections = {name: _section(table, f"{where}actuator.{name}") for name, table in tables.items()}
    found = {name: (section.bus, section.address) for name, section in sections.items() if hasattr(section, "address")}
    return {name: chip for name, chip in found.items() if chip[0] != SIMULATED}


def _section(table: Mapping[str, Any], where: str) -> Any:
    return read(import_module(DRIVERS[choice(table, "driver", DRIVERS, where)]).SECTION, table, where)


def build(
    name: str,
    table: Mapping[str, Any],
    *,
    where: str = "",
    resolve: Callable[[str], Path] = Path,
    i2c: "Callable[[str], I2C]" = no_adapters,
    shared: dict[tuple[Any, ...], Any] | None = None,
    sides: Sequence[Side] = (),
) -> Actuator:
    """An actuator from its table.

    Args:
        name: The table's name.
        table: `driver` and the keys of that driver's section.
        where: What stands before `actuator.<name>` in a complaint, for example `node.toml: `.
        resolve: Makes the table's paths absolute.
        i2c: Opens `/dev/i2c-N`.
        shared: What those built before share, where they are of one node.
        sides: Who limits it besides its table: its board.

    Raises:
        InvalidError: a key is unknown, missing or wrong; named as `actuator.<name>.<key>`, with the nearest right one.
    """
    place = Place(where=f"{where}actuator.{name}", resolve=resolve, i2c=i2c, shared={} if shared is None else shared)
    section = _section(table, place.where)
    if section.risk not in list(Risk):
        raise InvalidError(f"must be one of {', '.join(Risk)}, not {section.risk!r}", where=f"{place.where}.risk")
    rule = _rule(section, sides, name=name, where=place.where, resolve=resolve)
    driver = import_module(DRIVERS[section.driver]).driver(section, place)
    return Actuator(
        name=name,
        driver=driver,
        rule=rule,
        section=section,
        sides=tuple(sides),
        where=place.where,
        resolve=resolve,
    )


def _rule(table: Section, sides: Sequence[Side], *, name: str, where: str, resolve: Callable[[str], Path]) -> Rule:
    section, sources = restricted(
        table, sides, name=name, where=where, leads_to=lambda path: leads_to(str(resolve(path)))
    )
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
            quiet=tuple(window(text, where=f"{where}.quiet_hours[{i}]") for i, text in enumerate(section.quiet_hours)),
            quiet_max=section.quiet_max,
        )
    except InvalidError:
        raise
    except ValueError as error:
        raise InvalidError(str(error), where=where) from error
    if section.max_silence == 0:
        raise InvalidError("must be above 0", where=f"{where}.max_silence")
    if not 0 < section.consent_within <= _LONGEST_CONSENT:
        raise InvalidError("must be above 0, and an hour at most", where=f"{where}.consent_within")
    return Rule(
        limits=limits,
        requires=section.requires,
        excludes=section.excludes,
        max_silence=section.max_silence,
        risk=Risk(section.risk),
        sources=sources,
        consent_within=section.consent_within,
    )


def guard(actuators: Mapping[str, Actuator], *, where: str = "") -> Guardian:
    """The guardian of all of them.

    Raises:
        InvalidError: they name each other wrongly.
    """
    try:
        return Guardian({name: actuator.rule for name, actuator in actuators.items()})
    except ValueError as error:
        raise InvalidError(f"actuator.{error}", where=where.rstrip(": ")) from error

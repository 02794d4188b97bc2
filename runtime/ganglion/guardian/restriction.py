# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that others set for an actuator, a board or the fleet: the strictest of all counts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.guardian.day import window
from ganglion.guardian.driver import Section
from ganglion.guardian.words import Risk
from ganglion.sentences import joined, say
from ganglion.settings import nearest, read
from ganglion_micro.limits import same

#: Who has set what stands in the actuator's own table.
NODE = "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One `[[limit]]`. A key that is not given restricts nothing; each means what it means in `[actuator.<name>]`.

    Attributes:
        where: Whose limits these are: keys of the actuator's table with their values, as in
            `{driver = "gpio", line = 17}`, or its `name`; all must be so.
    """

    where: dict[str, Any]
    low: float | None = None
    high: float | None = None
    values: tuple[Any, ...] = ()
    max_step: float | None = None
    rate: float | None = None
    min_on: int = field(default=0, metadata={"duration": True})
    min_off: int = field(default=0, metadata={"duration": True})
    max_on: int | None = field(default=None, metadata={"duration": True})
    quiet_hours: tuple[str, ...] = ()
    quiet_max: float | None = None
    max_silence: int | None = field(default=None, metadata={"duration": True})
    risk: str = "read"

    def __post_init__(self) -> None:
        if not self.where:
            raise ValueError(say('where says whose limits these are, as in {{driver = "gpio", line = 17}}'))
        if self.risk not in list(Risk):
            raise ValueError(say("risk must be one of {words}, not {risk!r}", words=", ".join(Risk), risk=self.risk))
        for key in ("low", "high", "quiet_max"):
            if (bound := getattr(self, key)) is not None and bound != bound:
                raise ValueError(say("{key} must be a number", key=key))
        for key in ("max_step", "rate", "max_on", "max_silence"):
            if (most := getattr(self, key)) is not None and not most > 0:
                raise ValueError(say("{key} must be above 0", key=key))
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(say("low must be below high"))
        if self.max_on is not None and self.max_on < self.min_on:
            raise ValueError(say("max_on must not be below min_on"))
        for text in self.quiet_hours:
            try:
                window(text)
            except InvalidError as error:
                raise ValueError(joined(": ", ["quiet_hours", sentences.of(error)])) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A limit of which nobody knows here what it says: what it is for has no value that surely fits.

    Attributes:
        where: As in `Restriction`; empty for all actuators.
        error: What is wrong with it, in words that go on from its name.
    """

    where: dict[str, Any]
    error: str


class Side(NamedTuple):
    """Limits of one who sets them.

    Attributes:
        source: Who, in a word: `board sim`, `fleet 1795280400`.
        limits: What they are.
    """

    source: str
    limits: Sequence[Restriction | Unread]


class Held(NamedTuple):
    """A section that is no laxer than anybody wants it.

    Attributes:
        section: It.
        sources: By whom each of its limits is as it is; those that limit nothing are missing.
    """

    section: Section
    sources: dict[str, str]


#: The keys of a limit that limit.
KEYS = tuple(name for name in Restriction.__dataclass_fields__ if name != "where")

#: The keys of an actuator's table that are paths.
_PATHS = ("bus", "chip", "path")


def understood(tables: Iterable[Mapping[str, Any]]) -> list[Restriction | Unread]:
    """The limits in tables, whose `where` is one."""
    found: list[Restriction | Unread] = []
    for table in tables:
        try:
            found.append(read(Restriction, table, ""))
        except InvalidError as error:
            found.append(Unread(where=table["where"], error=f"is not understood: {error}"))
    return found


def lost(why: str) -> Side:
    """The fleet's limits where there were some and nobody knows them any more: all actuators may be limited by them."""
    error = f"is lost, until the gateway or a neighbour says it again: {why}"
    return Side("fleet", [Unread(where={}, error=error)])


def restricted(
    section: Section, sides: Iterable[Side], *, name: str, where: str, leads_to: Callable[[str], str | None]
) -> Held:
    """The section, no laxer than any of the limits that apply to it.

    Args:
        leads_to: What a path of a table or a limit leads to, None where nobody knows yet.

    Raises:
        InvalidError: nothing is left that the actuator could be told, or a limit for it is not understood.
    """
    table = section
    sources = {key: NODE for key in KEYS if _limits(key, getattr(table, key))}
    for source, limits in sides:
        for limit in limits:
            if not _applies(limit.where, name, table, leads_to):
                continue
            if isinstance(limit, Unread):
                raise InvalidError(f"a limit of {source} {limit.error}", where=where)
            stricter = _both(section, limit, source, where)
            for key in KEYS:
                if getattr(stricter, key) != getattr(section, key):
                    joined = key in sources and key in ("values", "quiet_hours")
                    sources[key] = f"{sources[key]}, {source}" if joined else source
            section = stricter
    return Held(section, {key: source for key, source in sources.items() if _limits(key, getattr(section, key))})


def _limits(key: str, value: Any) -> bool:
    return bool(value) if key in ("min_on", "min_off") else value is not None and value != ()


def _applies(where: Mapping[str, Any], name: str, section: Section, leads_to: Callable[[str], str | None]) -> bool:
    """Whether an actuator is meant.

    Raises:
        InvalidError: its driver, which the limit names, has no such key; or one of the two has a number for what the
            other names by text: nobody can tell then whether it is the same.
    """
    if not same(where.get("driver", section.driver), section.driver):
        return False
    known = {each.name for each in fields(section)} | {"name"}
    unsure = ""
    for key, value in where.items():
        if key not in known:
            if "driver" not in where:
                return False  # it is for those of another driver
            said = f"a limit is for actuators of driver {section.driver!r} by {key!r}{nearest(key, known)}"
            raise InvalidError(said, where=name)
        has = name if key == "name" else getattr(section, key)
        if same(value, has):
            continue
        if isinstance(has, str) and isinstance(value, str):
            # What a link of the table leads to once it is there, it may be
            if key not in _PATHS or leads_to(has) not in (None, leads_to(value)):
                return False
        elif {type(has), type(value)} in ({str, int}, {str, float}):
            by = "name" if isinstance(value, str) else "number"
            unsure = f"a limit has {key} {value!r}: name it by its {by}, too, not by {has!r}"
        else:
            return False
    if unsure:
        raise InvalidError(unsure, where=name)
    return True


def _both(section: Section, limit: Restriction, source: str, where: str) -> Section:
    off = section.off
    if section.low is not None and section.high is not None:
        if limit.values:
            raise InvalidError(f"it takes numbers, and a limit of {source} gives it values", where=where)
        # What counts as off is the actuator's own affair, and does not move with its range
        off = off if off is not None else 0 if section.low <= 0 <= section.high else section.low
    elif limit.low is not None or limit.high is not None:
        raise InvalidError(f"a limit of {source} gives it a range, and it takes no numbers", where=where)
    values = section.values
    if limit.values:
        allowed = section.values or (False, True)
        values = tuple(value for value in allowed if any(same(value, other) for other in limit.values))
        off = off if off is not None else allowed[0]
        if not values:
            raise InvalidError(f"a limit of {source} leaves none of its values", where=where)
    quiet = [each.quiet_max for each in (section, limit) if each.quiet_hours or each.quiet_max is not None]
    return replace(
        section,
        off=off,
        low=_most(section.low, limit.low),
        high=_least(section.high, limit.high),
        values=values,
        max_step=_least(section.max_step, limit.max_step),
        rate=_least(section.rate, limit.rate),
        min_on=max(section.min_on, limit.min_on),
        min_off=max(section.min_off, limit.min_off),
        max_on=_least(section.max_on, limit.max_on),
        quiet_hours=(*section.quiet_hours, *limit.quiet_hours),
        quiet_max=None if None in quiet else _least(*quiet),
        max_silence=_least(section.max_silence, limit.max_silence),
        risk=max(section.risk, limit.risk, key=_strictness),
    )


def _strictness(risk: str) -> int:
    return list(Risk).index(Risk(risk))


def _least(*given: Any) -> Any:
    return min((each for each in given if each is not None), default=None)


def _most(*given: Any) -> Any:
    return max((each for each in given if each is not None), default=None)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script needs and a node does not have."""

from collections.abc import Callable, Collection

from ganglion.mova.plan import Plan
from ganglion.settings import closest
from ganglion_micro.topic import matches

#: Names that a sentence lists; the rest is counted.
_SHOWN = 10


def lacking(plan: Plan, sensors: Collection[str], actuators: Collection[str]) -> str:
    """The sensors and actuators of a plan that are not there, and those that are, in words; "" where none is missing.

    Args:
        sensors: Ids of channels, `<name>.<channel>`. A plan may name them with wildcards.
        actuators: Names.
    """
    absent = [("sensor", sensors, [each for each in plan.sensors if not _senses(each, sensors)])]
    absent.append(("actuator", actuators, [each for each in plan.actuators if each not in actuators]))
    return "; ".join(_sentence(what, names, known) for what, known, names in absent if names)


def _senses(name: str, known: Collection[str]) -> bool:
    filter = name.replace(".", "/")
    return any(matches(filter, each.replace(".", "/")) for each in known)


def _sentence(what: str, names: list[str], known: Collection[str]) -> str:
    has = f"it has {_listed(sorted(known))}" if known else "it has none"
    return f"there is no {what} {_listed(names, lambda name: _hinted(name, known))}: {has}"


def _hinted(name: str, known: Collection[str]) -> str:
    close = closest(name, known)
    return repr(name) if close is None else f'{name!r} (did you mean "{close}"?)'


def _listed(names: list[str], said: Callable[[str], str] = str) -> str:
    more = len(names) - _SHOWN
    return ", ".join(map(said, names[:_SHOWN])) + (f" and {more} more" if more > 0 else "")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which actuators name which others: whether that makes sense, and in what order they may be made safe."""

from collections.abc import Mapping

from ganglion.guardian.words import Rule
from ganglion.settings import nearest


def excludes(rules: Mapping[str, Rule]) -> dict[str, set[str]]:
    """Name to those that are never on together with it: whom it names, and who names it.

    Raises:
        ValueError: a rule names an actuator that is not there or itself, requirements run in a circle, or a fail-safe
            value would break an interlock. The message begins with the actuator's name.
    """
    found: dict[str, set[str]] = {name: set() for name in rules}
    for name, rule in rules.items():
        _check_names(rules, name, rule)
        for other in rule.excludes:
            found[name].add(other)
            found[other].add(name)
    for name, rule in rules.items():
        if rule.limits.is_on(rule.limits.safe) and (rule.requires or found[name]):
            raise ValueError(f"{name}.fail_safe: must be off, since an interlock may forbid that it is on")
        for other in _required(rules, name):
            if other in found[name]:
                raise ValueError(f"{name}.requires: {other} excludes it, so it could never be on")
    return found


def dependants_first(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """All names, each before those that it requires."""
    return tuple(sorted(rules, key=lambda name: -len(_required(rules, name))))


def _check_names(rules: Mapping[str, Rule], name: str, rule: Rule) -> None:
    for key, others in (("requires", rule.requires), ("excludes", rule.excludes)):
        for other in others:
            if other not in rules:
                raise ValueError(f"{name}.{key}: there is no actuator {other!r}{nearest(other, rules)}")
            if other == name:
                raise ValueError(f"{name}.{key}: it names itself")


def _required(rules: Mapping[str, Rule], name: str) -> set[str]:
    """What must be on while it is, directly or not."""
    found: set[str] = set()
    ahead = list(rules[name].requires)
    while ahead:
        other = ahead.pop()
        if other == name:
            raise ValueError(f"{name}.requires: it would require itself")
        if other not in found:
            found.add(other)
            ahead.extend(rules[other].requires)
    return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks conditions: the steps that they name, their expressions, and that each value fits its operator."""

from collections.abc import Collection
from typing import Any

from ganglion.mova.model import Conditions, Rule
from ganglion.mova.names import Names
from ganglion.mova.source import inside
from ganglion.pattern import PatternError, compile_pattern
from ganglion.words import _
from ganglion_micro.condition import OPERATORS


def check_conditions(conditions: Conditions, steps: Collection[str], names: Names) -> None:
    """Reports what is wrong with them.

    Args:
        steps: That there are in this protocol.
    """
    names.known("MV202", conditions.default, steps)
    for rule in conditions.rules:
        names.known("MV202", rule.next, steps)
        _rule(rule, names)
        if rule.nested is not None:
            check_conditions(rule.nested, steps, names)


def _rule(rule: Rule, names: Names) -> None:
    report = names.report
    if rule.variable:
        names.expression(rule.variable, inside(rule.place, rule.raw, "variable"))
    if rule.operator not in OPERATORS:
        return
    place = inside(rule.place, rule.raw, "value")
    names.compared(rule.raw, "value", rule.place)
    if "value" not in rule.raw:
        if rule.operator not in ("exists", "not_exists"):
            message = _("the condition has no 'value', which {operator} needs").format(operator=rule.operator)
            report.add("MV101", place, message)
    elif rule.operator == "in_range":
        if not isinstance(rule.value, list) or not is_range(rule.value):
            report.add("MV208", place, _("{key} needs [low, high]").format(key="in_range"))
    elif rule.operator == "matches_regex":
        try:
            if not isinstance(rule.value, str):
                raise PatternError(_("matches_regex needs a pattern"))
            compile_pattern(rule.value)
        except PatternError as error:
            report.add("MV208", place, _("not a pattern: {error}").format(error=error))


def is_range(value: list[Any]) -> bool:
    """Whether it is `[low, high]`."""
    if len(value) != 2:
        return False
    low, high = value
    if isinstance(low, str) or isinstance(high, str):  # placeholders, or text in order
        return True
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    return numbers and low <= high

# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides the conditions of a plan: nine operators, joined by AND, OR and NOT, nested.

A condition is `[logic, rules, default]`, a rule `[code, operator, template, target, nested condition or None]`, where
`default` and `target` are indices of steps, -1 for none. FIRST is the flat list of which each condition names a step.
A value that is not set is null: it exists not, equals only null, differs from all else, and no other operator holds.
"""

from ganglion_micro.expression import MISSING, ExpressionError, contains, evaluate, number
from ganglion_micro.pattern import search
from ganglion_micro.template import render
from ganglion_micro.text import text

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

AND = 0
OR = 1
NOT = 2
FIRST = 3
LOGICS = ["AND", "OR", "NOT"]

EQUALS = 0
NOT_EQUALS = 1
CONTAINS = 2
GREATER = 3
LESS = 4
IN_RANGE = 5
MATCHES = 6
EXISTS = 7
NOT_EXISTS = 8
OPERATORS = [
    "equals",
    "not_equals",
    "contains",
    "greater_than",
    "less_than",
    "in_range",
    "matches_regex",
    "exists",
    "not_exists",
]


def holds(condition: "list[Any]", scope: "dict[str, Any]", data: "dict[str, Any]", missing: "list[str]") -> bool:
    """Whether the whole is true.

    Raises:
        ExpressionError: an expression has no value for another reason than a variable that is not set.
    """
    logic = condition[0]
    if logic in (OR, FIRST):
        return any(true(rule, scope, data, missing) for rule in condition[1])
    for rule in condition[1]:
        if not true(rule, scope, data, missing):
            return bool(logic == NOT)
    return bool(logic == AND)


def target(condition: "list[Any]", scope: "dict[str, Any]", data: "dict[str, Any]", missing: "list[str]") -> int:
    """The step that a condition step goes to, -1 for the one its `next_step` names or that follows."""
    logic = condition[0]
    if logic == FIRST or holds(condition, scope, data, missing):
        for rule in condition[1]:
            # Where the whole is an AND that holds, each rule is known to be true.
            if rule[3] >= 0 and (logic == AND or true(rule, scope, data, missing)):
                return int(rule[3])
    return int(condition[2])


def true(rule: "list[Any]", scope: "dict[str, Any]", data: "dict[str, Any]", missing: "list[str]") -> bool:
    """Whether one rule is true, and what is nested in it."""
    try:
        value = evaluate(rule[0], scope, data)
    except ExpressionError as error:
        if not error.missing:
            raise
        value = MISSING
    operator = rule[1]
    if operator == MATCHES:
        # The template of this operator is the program of its pattern.
        found = value is not MISSING and value is not None and search(rule[2], text(value))
    else:
        found = _compare(operator, value, render(rule[2], scope, data, missing))
    return found and (rule[4] is None or holds(rule[4], scope, data, missing))


def _compare(operator: int, value: "Any", wanted: "Any") -> bool:
    if value is MISSING:
        value = None
    if operator == EQUALS:
        return same(value, wanted)
    if operator == NOT_EQUALS:
        return not same(value, wanted)
    if operator == EXISTS:
        return value is not None
    if operator == NOT_EXISTS:
        return value is None
    if value is None:
        return False
    if operator == CONTAINS:
        if isinstance(value, (list, tuple)):
            return any(same(each, wanted) for each in value)
        if isinstance(value, str):
            wanted = text(wanted)
        return isinstance(value, (str, dict)) and contains(value, wanted)
    if operator == IN_RANGE:
        if not isinstance(wanted, (list, tuple)) or len(wanted) != 2:
            return False
        return _order(value, wanted[0]) in (0, 1) and _order(value, wanted[1]) in (0, -1)
    return _order(value, wanted) == (1 if operator == GREATER else -1)


def _order(left: "Any", right: "Any") -> "int | None":
    """-1, 0 or 1, or None where there is no order. Text that reads as a number is compared as one with a number."""
    if isinstance(left, str) and isinstance(right, str):
        a, b = _numeric(left), _numeric(right)
        if a is not None and b is not None:
            left, right = a, b
    else:
        left, right = _numeric(left), _numeric(right)
        if left is None or right is None:
            return None
    if left < right:
        return -1
    return 1 if left > right else 0


def _numeric(value: "Any") -> "Any":
    if number(value):
        return value
    if isinstance(value, str) and len(value) <= 32:
        try:
            found = float(value)
        except ValueError:
            return None
        if found - found == 0:  # "nan" and "inf" are words
            return found
    return None


def same(left: "Any", right: "Any") -> bool:
    """Equality of JSON values: true is not 1, at any depth."""
    if isinstance(left, dict) and isinstance(right, dict):
        if len(left) != len(right):
            return False
        return all(not (key not in right or not same(left[key], right[key])) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        if len(left) != len(right):
            return False
        return all(same(left[i], right[i]) for i in range(len(left)))
    return (type(left) is bool) == (type(right) is bool) and bool(left == right)

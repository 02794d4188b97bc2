# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an event passes a filter that `ganglion.bus.filter` has read: the way for what the core cannot decide.

A filter is a list, so that it can be sent: `[ALL, parts]`, `[ANY, parts]`, `[NOT, part]`, or
`[TEST, operator, path, operand]`. A path begins with the index of an event's field.
"""

from ganglion_micro.pattern import MAX_TEXT, search

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ALL = 0
ANY = 1
NOT = 2
TEST = 3

EQ = 0
NE = 1
LT = 2
LTE = 3
GT = 4
GTE = 5
IN = 6
NIN = 7
CONTAINS = 8
REGEX = 9
EXISTS = 10
ALL_SET = 11
ANY_SET = 12

#: What a path finds where there is nothing.
_MISSING = object()


def passes(filter: "list[Any]", event: "tuple[Any, ...]") -> bool:
    """Whether an event passes.

    Args:
        event: topic, value, timestamp, source, priority.
    """
    kind = filter[0]
    if kind == TEST:
        return _test(filter[1], _find(event, filter[2]), filter[3])
    if kind == NOT:
        return not passes(filter[1], event)
    wanted = bool(kind == ANY)
    for part in filter[1]:
        if passes(part, event) == wanted:
            return wanted
    return not wanted


def _find(event: "tuple[Any, ...]", path: "list[Any]") -> "Any":
    found = event[path[0]]
    for step in path[1:]:
        if isinstance(found, dict):
            if step not in found:
                return _MISSING
            found = found[step]
        elif isinstance(found, (list, tuple)) and _is_place(step) and int(step) < len(found):
            found = found[int(step)]
        else:
            return _MISSING
    return found


def _is_place(step: str) -> bool:
    """Whether a step of a path may be a place in a list: `isdigit` knows digits that `int` does not."""
    return 0 < len(step) < 10 and all(digit in "0123456789" for digit in step)


def _test(operator: int, value: "Any", operand: "Any") -> bool:
    if operator == EXISTS:
        return bool((value is not _MISSING) == operand)
    if operator == NE:
        return bool(value != operand)
    if operator == NIN:
        return not _among(value, operand)
    if value is _MISSING:
        return False
    if operator == EQ:
        return bool(value == operand)
    if operator == IN:
        return _among(value, operand)
    if operator == CONTAINS:
        if isinstance(value, str):
            return isinstance(operand, str) and operand in value
        return isinstance(value, (list, tuple)) and _among(operand, value)
    if operator == REGEX:
        return isinstance(value, str) and len(value) <= MAX_TEXT and search(operand, value)
    if operator in (ALL_SET, ANY_SET):
        return isinstance(value, (int, float)) and has_bits(value, operand, operator == ALL_SET)
    if isinstance(value, str) != isinstance(operand, str) or not isinstance(value, (int, float, str)):
        return False
    if operator == LT:
        return bool(value < operand)
    if operator == LTE:
        return bool(value <= operand)
    if operator == GT:
        return bool(value > operand)
    return bool(value >= operand)


def has_bits(number: float, mask: int, are_all: bool) -> bool:
    """Whether a whole number that binary64 has exactly has all bits of a mask, or one at least."""
    if not 0 <= number < 9007199254740992 or number != int(number):
        return False
    found = int(number) & mask
    return found == mask if are_all else found != 0


def _among(value: "Any", many: "Iterable[Any]") -> bool:
    return any(value == one for one in many)  # `in` would find NaN equal to itself

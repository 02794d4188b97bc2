# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the code of an expression, or the program of a pattern, that came from outside can be run to its end."""

from typing import Any

from ganglion.mova.shapes import anything, broken, flag, items, json, path, row, whole
from ganglion_micro import expression as x
from ganglion_micro import pattern as r

_POINT = whole(0, 0x10FFFF)


def code(value: Any, where: str) -> None:
    """Code of `ganglion_micro.expression`: at each place the stack has what is taken, and at the end one value.

    A jump goes forward alone, so one pass over the code knows how much stands on the stack at each place.
    """
    items(anything)(value, where)
    if len(value) > x.MAX_CODE:
        raise broken(where, f"has more than {x.MAX_CODE} items of code")
    depths: dict[int, int] = {}
    at, depth = 0, 0
    while at < len(value):
        known = depths.get(at)
        if depth < 0 and known is None:
            raise broken(where, f"has code at {at} that nothing leads to")
        depth = _same(depth, known, where)
        op = value[at]
        if type(op) is not int or not 0 <= op <= x.INDEX:
            raise broken(where, f"has no operation at {at}")
        operands = value[at + 1 : at + 1 + (2 if op == x.CALL else 1 if op <= x.JUMP else 0)]
        place = f"{where}[{at}]"
        at += 1 + (2 if op == x.CALL else 1 if op <= x.JUMP else 0)
        if at > len(value):
            raise broken(place, "is cut short")
        taken, given = _effect(op, operands, place)
        if taken > depth:
            raise broken(place, "takes what is not there")
        after = depth - taken + given
        if op in (x.AND, x.OR, x.SKIP_FALSE, x.JUMP):
            target = operands[0]
            whole(at, len(value))(target, place)
            there = depth if op in (x.AND, x.OR) else after
            depths[target] = _same(there, depths.get(target), where)
        depth = -1 if op == x.JUMP else after
    if _same(depth, depths.get(len(value)), where) != 1:
        raise broken(where, "has no value in the end")
    if depths.keys() - _starts(value):
        raise broken(where, "has a jump into an operation")


def _effect(op: int, operands: list[Any], where: str) -> tuple[int, int]:
    """How many values an operation takes from the stack, and how many it puts there."""
    if op == x.CONST:
        json(operands[0], where)
        return 0, 1
    if op == x.LOAD:
        path(operands[0], where)
        return 0, 1
    if op == x.BUILD:
        whole(0, x.MAX_CODE)(operands[0], where)
        return operands[0], 1
    if op == x.CALL:
        name, count = operands
        least, most = x.FUNCTIONS.get(name, (0, -1)) if isinstance(name, str) else (0, -1)
        whole(least, most)(count, where)
        return count, 1
    if op in (x.AND, x.OR, x.SKIP_FALSE):
        return 1, 0
    if op == x.JUMP:
        return 0, 0
    return (1, 1) if op in (x.NOT, x.NEGATIVE) else (2, 1)


def _same(depth: int, known: int | None, where: str) -> int:
    """What stands on the stack where two ways meet; -1 for a way that does not come here."""
    if known is None or depth < 0:
        return depth if known is None else known
    if known != depth:
        raise broken(where, "has ways that leave other things behind")
    return depth


def _starts(value: list[Any]) -> set[int]:
    """Where operations begin, and the end."""
    found, at = set(), 0
    while at < len(value):
        found.add(at)
        at += 1 + (2 if value[at] == x.CALL else 1 if value[at] <= x.JUMP else 0)
    return {*found, len(value)}


def program(value: Any, where: str) -> None:
    """A program of `ganglion_micro.pattern`."""
    items(anything)(value, where)
    if not 0 < len(value) <= r.MAX_PROGRAM:
        raise broken(where, f"must have 1 to {r.MAX_PROGRAM} instructions")
    target = whole(0, len(value) - 1)
    shapes = {
        r.CHAR: row(anything, _POINT),
        r.SET: row(anything, flag, items(_POINT)),
        r.SPLIT: row(anything, target, target),
        r.JUMP: row(anything, target),
    }
    for i, each in enumerate(value):
        place = f"{where}[{i}]"
        items(anything)(each, place)
        op = each[0] if each else None
        if type(op) is not int or not r.MATCH <= op <= r.INSIDE:
            raise broken(place, "is no instruction")
        shapes.get(op, row(anything))(each, place)
        if op == r.SET and len(each[2]) % 2:
            raise broken(place, "has half a range")
    if value[-1][0] not in (r.MATCH, r.SPLIT, r.JUMP):
        raise broken(where, "goes beyond its end")

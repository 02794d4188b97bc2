# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a filter the core decides by itself, without a call into Python: comparisons of numbers and known texts."""

from dataclasses import dataclass, replace
from typing import Any

from ganglion_micro import dispatch as d
from ganglion_micro import filter as m

#: Whole numbers below it are exact in binary64, and so is every comparison with one.
_EXACT = 2**53
_TIMES = range(-(2**63), 2**63)  # to ask for an int exactly: what is an IntEnum would be looked for one by one

_COMPARISONS = {m.EQ: d.EQ, m.NE: d.NE, m.LT: d.LT, m.LTE: d.LE, m.GT: d.GT, m.GTE: d.GE}
_BITS = {m.ALL_SET: d.ALL_SET, m.ANY_SET: d.ANY_SET}
_FIELDS = {1: d.VALUE, 2: d.TIME, 3: d.SOURCE, 4: d.PRIORITY}


@dataclass(frozen=True, slots=True)
class Test:
    """One step of a predicate, as `gg_test`; a value to be known by a symbol is in `named` until it has one."""

    op: int
    field: int = d.VALUE
    symbol: int = 0
    number: float = 0.0
    integer: int = 0
    named: Any = None
    is_named: bool = False

    def known_by(self, symbol: int) -> "Test":
        """With the symbol of its value."""
        return replace(self, symbol=symbol)

    def core(self) -> tuple[int, int, int, float, int]:
        """As the cores take it."""
        return (self.op, self.field, self.symbol, self.number, self.integer)


_TRUE = [Test(d.GE, d.PRIORITY, integer=_TIMES[0])]
_NOT, _AND, _OR = Test(d.NOT), Test(d.AND), Test(d.OR)


def split(program: list[Any]) -> tuple[list[Test], list[Any] | None]:
    """The tests that the core can do, and the filter that is left for Python; both have to pass."""
    if program[0] != m.ALL:
        tests = _native(program)
        return ([], program) if tests is None else (tests, None)
    done, rest = [], []
    for part in program[1]:
        tests = _native(part)
        if tests is None:
            rest.append(part)
        else:
            done.append(tests)
    return _joined(done, _AND) if done else [], [m.ALL, rest] if rest else None


def _native(program: list[Any]) -> list[Test] | None:
    kind = program[0]
    if kind == m.TEST:
        return _test(*program[1:])
    if kind == m.NOT:
        inner = _native(program[1])
        return None if inner is None else [*inner, _NOT]
    parts = [_native(part) for part in program[1]]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return _joined(known, _AND if kind == m.ALL else _OR) if known else _TRUE


def _joined(parts: list[list[Test]], joint: Test) -> list[Test]:
    """Answers are joined as they come, so that few of them wait on the stack."""
    joined = list(parts[0])
    for part in parts[1:]:
        joined += [*part, joint]
    return joined


def _test(operator: int, path: list[Any], operand: Any) -> list[Test] | None:
    field = _FIELDS.get(path[0])
    if field is None or len(path) > 1:
        return None
    if operator in (m.IN, m.NIN):
        equal = [_comparison(m.EQ, field, one) for one in operand]
        known = [[each] for each in equal if each is not None]
        if len(known) < len(equal):
            return None
        among = _joined(known, _OR) if known else [*_TRUE, _NOT]
        return [*among, _NOT] if operator == m.NIN else among
    if operator == m.EXISTS:
        return _TRUE if operand else [*_TRUE, _NOT]
    made = _comparison(operator, field, operand)
    return None if made is None else [made]


def _comparison(operator: int, field: int, operand: Any) -> Test | None:
    if operator in _BITS:
        return Test(_BITS[operator], field, integer=operand) if field == d.VALUE else None
    if operator not in _COMPARISONS:
        return None
    op = _COMPARISONS[operator]
    if field in (d.TIME, d.PRIORITY):
        return Test(op, field, integer=int(operand)) if isinstance(operand, int) and int(operand) in _TIMES else None
    if field == d.VALUE and isinstance(operand, int | float):
        return Test(op, field, number=float(operand)) if abs(operand) < _EXACT else None
    is_text = isinstance(operand, str)
    if op in (d.EQ, d.NE) and (is_text or field == d.VALUE):
        return Test(op, field, named=operand, is_named=True)
    return None

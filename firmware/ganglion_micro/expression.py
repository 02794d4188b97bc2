# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates the expressions of a plan: flat code for a stack machine, checked and bounded, never Python's `eval`.

`ganglion.mova.expression` makes the code. It has no loop, since a jump only goes forward, so a run of it takes at most
as many steps as it is long. It reads variables by path through maps and lists and reaches no attribute and no call but
the functions below. Text and whole numbers are bounded, so that a script that doubles a value for ever ends in an error
and not in a full memory.
"""

from ganglion_micro.text import lower, text, upper

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Items of code in one expression: a rule of a script has ten; 512 is what a board evaluates in a millisecond or so.
MAX_CODE = 512
#: Characters that an expression may make.
MAX_TEXT = 4096
#: Whole numbers stay within what every home of the engine, and a database, can hold.
MAX_INT = 0x7FFFFFFFFFFFFFFF

CONST = 0  # value
LOAD = 1  # path
BUILD = 2  # length: the list of that many values
CALL = 3  # name, number of arguments
AND = 4  # target: where the value is false keep it and jump, else drop it
OR = 5  # target: where the value is true keep it and jump, else drop it
SKIP_FALSE = 6  # target: drop the value, and jump where it is false
JUMP = 7  # target
NOT = 8
NEGATIVE = 9
ADD = 10
SUB = 11
MUL = 12
DIV = 13
FLOOR = 14
MOD = 15
EQ = 16
NE = 17
LT = 18
LE = 19
GT = 20
GE = 21
IN = 22
INDEX = 23


class Missing:
    """What a path that leads nowhere gives."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class ExpressionError(ValueError):
    """The expression has no value. `missing` says that it is for want of a variable."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


def lookup(path: "list[Any]", scope: "dict[str, Any]", data: "dict[str, Any]") -> "Any":
    """The value at a path, or MISSING. The first name is a root (`session`, `event`, …) or a key of the session."""
    name = path[0]
    if name in scope:
        value = scope[name]
    elif name in data:
        value = data[name]
    else:
        return MISSING
    for i in range(1, len(path)):
        # A map first, without a call more: nearly every placeholder of an event is this
        value = value.get(path[i], MISSING) if type(value) is dict else item(value, path[i])
        if value is MISSING:
            break
    return value


def item(value: "Any", key: "Any") -> "Any":
    """One level down: a key of a map, or a place in a list or text, from the end where negative."""
    if isinstance(value, dict):
        return value.get(key, MISSING) if type(key) is str or type(key) is int else MISSING
    if isinstance(value, (list, tuple, str)):
        if type(key) is str and key.isdigit():
            try:
                key = int(key)
            except ValueError:  # a digit of another script than ours, such as a superscript
                return MISSING
        if type(key) is int and -len(value) <= key < len(value):
            return value[key]
    return MISSING


def evaluate(code: "list[Any]", scope: "dict[str, Any]", data: "dict[str, Any]") -> "Any":
    """The value of an expression; MISSING only where the whole expression is one path that leads nowhere.

    What is not set is null where it is compared by `==` and `!=`, and in `and`, `or`, `not`, `if` and a list.

    Raises:
        ExpressionError: a variable is not set and something is done with it, a type does not fit, a bound is passed.
    """
    if len(code) == 2 and code[0] <= LOAD:
        return code[1] if code[0] == CONST else lookup(code[1], scope, data)
    if len(code) > MAX_CODE:
        raise ExpressionError("the expression is longer than {}".format(MAX_CODE))
    stack: "list[Any]" = []
    lost: "list[Any]" = []  # the variable that was looked for last and is not set
    at = 0
    while at < len(code):
        op = code[at]
        if op <= JUMP:
            operand = code[at + 1]
            at += 2
            if op == CONST:
                stack.append(operand)
            elif op == LOAD:
                value = lookup(operand, scope, data)
                if value is MISSING:
                    lost = operand
                stack.append(value)
            elif op == BUILD:
                cut = len(stack) - operand
                stack[cut:] = [[None if each is MISSING else each for each in stack[cut:]]]
            elif op == CALL:
                count = code[at]
                at += 1
                cut = len(stack) - count
                if MISSING in stack[cut:]:
                    raise _unset(lost)
                stack[cut:] = [_call(operand, stack[cut:])]
            else:
                if stack and stack[-1] is MISSING:
                    stack[-1] = None
                value = stack[-1] if op in (AND, OR) else None
                if op == SKIP_FALSE:
                    jump = not stack.pop()
                else:
                    jump = op == JUMP or (not value if op == AND else bool(value))
                    if not jump:
                        stack.pop()
                if jump:
                    if operand < at:
                        raise ExpressionError("a jump back")
                    at = operand
        else:
            at += 1
            right = stack.pop()
            if op == NOT:
                stack.append(right is MISSING or not right)
                continue
            left = None if op == NEGATIVE else stack.pop()
            if right is MISSING or left is MISSING:
                if op != EQ and op != NE:
                    raise _unset(lost)
                left = None if left is MISSING else left
                right = None if right is MISSING else right
            stack.append(_bounded(-_number(right, "-")) if op == NEGATIVE else _binary(op, left, right))
    return None if stack[-1] is MISSING else stack[-1]


def _unset(path: "list[Any]") -> ExpressionError:
    return ExpressionError("{} is not set".format(".".join([str(key) for key in path])), True)


def number(value: "Any") -> bool:
    """Whether it is a number; true and false are none."""
    kind = type(value)
    return kind is int or kind is float


def _number(value: "Any", where: str) -> "Any":
    if not number(value):
        raise ExpressionError("{} needs a number, not {}".format(where, text(value)[:40]))
    return _bounded(value)  # what came from outside may be one that nothing can hold


def _bounded(value: "Any") -> "Any":
    if type(value) is int:
        if not -MAX_INT - 1 <= value <= MAX_INT:
            raise ExpressionError("a whole number of more than 64 bits")
    elif value - value != 0:
        raise ExpressionError("a number that is not finite")
    return value


_SIGNS = {ADD: "+", SUB: "-", MUL: "*", DIV: "/", FLOOR: "//", MOD: "%", LT: "<", LE: "<=", GT: ">", GE: ">="}


def _binary(op: int, left: "Any", right: "Any") -> "Any":
    if op == EQ:
        return left == right
    if op == NE:
        return left != right
    if op == IN:
        return contains(right, left)
    if op == INDEX:
        value = item(left, right)
        if value is MISSING:
            raise ExpressionError("nothing at [{}]".format(text(right)[:40]), True)
        return value
    sign = _SIGNS[op]
    if type(left) is str and type(right) is str:
        if op == ADD:
            if len(left) + len(right) > MAX_TEXT:
                raise ExpressionError("text of more than {} characters".format(MAX_TEXT))
            return left + right
        if op >= LT:
            return _compare(op, left, right)
    _number(left, sign)
    _number(right, sign)
    if op >= LT:
        return _compare(op, left, right)
    try:
        if op == ADD:
            return _bounded(left + right)
        if op == SUB:
            return _bounded(left - right)
        if op == MUL:
            return _bounded(left * right)
        if op == DIV:
            return _bounded(left / right)
        if op == FLOOR:
            return _bounded(left // right)
        return _bounded(left % right)
    except ZeroDivisionError:
        raise ExpressionError("division by zero") from None
    except OverflowError:
        raise ExpressionError("a number that is too large") from None


def _compare(op: int, left: "Any", right: "Any") -> bool:
    if op == LT:
        return bool(left < right)
    if op == LE:
        return bool(left <= right)
    if op == GT:
        return bool(left > right)
    return bool(left >= right)


def contains(whole: "Any", part: "Any") -> bool:
    """Whether text holds text, a list an item, a map a key.

    Raises:
        ExpressionError: `whole` is none of them, or text is asked for something that is not text.
    """
    if isinstance(whole, str):
        if type(part) is not str:
            raise ExpressionError("in text only text is found, not {}".format(text(part)[:40]))
        return part in whole
    if isinstance(whole, (list, tuple)):
        return part in whole
    if isinstance(whole, dict):
        return type(part) is str and part in whole
    raise ExpressionError("nothing is in {}".format(text(whole)[:40]))


#: name -> least and most arguments
FUNCTIONS = {
    "abs": (1, 1),
    "ceil": (1, 1),
    "float": (1, 1),
    "floor": (1, 1),
    "int": (1, 1),
    "len": (1, 1),
    "lower": (1, 1),
    "max": (1, 8),
    "min": (1, 8),
    "round": (1, 2),
    "str": (1, 1),
    "upper": (1, 1),
}


def _call(name: str, args: "list[Any]") -> "Any":
    bounds = FUNCTIONS.get(name)
    if bounds is None or not bounds[0] <= len(args) <= bounds[1]:
        raise ExpressionError("no function {} of {} arguments".format(name, len(args)))
    first = args[0]
    if name == "len":
        if not isinstance(first, (str, list, tuple, dict)):
            raise ExpressionError("len needs text, a list or a map, not {}".format(text(first)[:40]))
        return len(first)
    if name == "str":
        made = text(first)
        if len(made) > MAX_TEXT:
            raise ExpressionError("text of more than {} characters".format(MAX_TEXT))
        return made
    if name == "lower" or name == "upper":
        if type(first) is not str:
            raise ExpressionError("{} needs text, not {}".format(name, text(first)[:40]))
        return lower(first) if name == "lower" else upper(first)
    if name == "int" or name == "float":
        return _convert(name, first)
    if name == "min" or name == "max":
        if len(args) == 1 and isinstance(first, (list, tuple)):
            args = list(first)
        if not args:
            raise ExpressionError("{} of nothing".format(name))
        for each in args:
            _number(each, name)
        return min(args) if name == "min" else max(args)
    for each in args:
        _number(each, name)
    if name == "abs":
        return _bounded(abs(first))
    if name == "round":
        digits = args[1] if len(args) == 2 else 0
        if type(digits) is not int or not 0 <= digits <= 15:
            raise ExpressionError("round needs 0 to 15 digits")
        rounded = _round(first, digits)
        return _bounded(rounded if len(args) == 2 else int(rounded))
    whole = int(first)
    if name == "floor":
        return _bounded(whole - 1 if whole > first else whole)
    return _bounded(whole + 1 if whole < first else whole)


def _round(value: "Any", digits: int) -> "Any":
    """To the nearest, and to the even one of two that are as near: `round` of some ports goes another way."""
    if type(value) is int or abs(value) >= 0x10000000000000:
        return value
    doubled = value * (2 << digits)  # exact; where it is odd the value stands in the middle, and nowhere else
    if doubled == int(doubled) and int(doubled) & 1:
        low = (int(doubled) * 5**digits - 1) // 2
        return (low + (low & 1)) / 10**digits
    return float(("%." + str(digits) + "f") % value)


def _convert(name: str, value: "Any") -> "Any":
    if type(value) is str:
        if len(value) > 32:
            raise ExpressionError("{} of a long text".format(name))
        try:
            return _bounded(int(value) if name == "int" else float(value))
        except ValueError:
            raise ExpressionError("{} of {}".format(name, value)) from None
    if type(value) is bool:
        value = 1 if value else 0
    _number(value, name)
    return _bounded(int(value) if name == "int" else float(value))

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a leaf may say: readings, events, answers, checked before its parent says them as its own. Pure.

Whatever has another shape raises a `DropError` whose cause is MALFORMED.
"""

import math
from typing import Any, NamedTuple, TypeGuard

from ganglion.mesh.standing import FRESHNESS, Cause, DropError, clock_valid
from ganglion_micro import gl1
from ganglion_micro.leaf import NONCE_SIZE
from ganglion_micro.topic import is_name

#: Letters of a topic or stream, and of a text that is a reading.
_LETTERS = 96
#: The classes by which a node tells of its runs and of its guardian: no leaf has any.
_OURS = frozenset(("episode", "guardian"))
#: Actuators of one answer, values of one actuator, and the classes of risk that a leaf may state.
_ACTUATORS, _VALUES = 64, 32
_RISKS = ("read", "low", "confirm", "never")


def readings(body: Any, now: int) -> list[tuple[str, int, Any]]:
    """Stream, time and value of each."""
    if type(body) is not list:
        raise DropError(Cause.MALFORMED, "a batch is a list of readings")
    return [_reading(each, now) for each in body]


def event(body: Any, now: int) -> tuple[str, str, Any, int, int]:
    """Class, topic, value, time and number."""
    fields = body if type(body) is dict else {}
    cls, topic, number = fields.get("class"), fields.get("topic"), fields.get("n")
    if type(cls) is not str or not gl1.level(cls) or cls in _OURS:
        raise DropError(Cause.MALFORMED, "an event of a leaf has a class that is a level of a topic")
    if type(number) is not int or number < 1 or not _is_topic(topic) or "value" not in fields:
        raise DropError(Cause.MALFORMED, "an event of a leaf has a number, a topic and a value")
    return cls, topic, fields["value"], _time(fields.get("timestamp"), now), number


def answer(body: Any) -> str:
    """The id of the request that it answers."""
    fields = body if type(body) is dict else {}
    identity, ok = fields.get("id"), fields.get("ok")
    if type(identity) is not str or type(ok) is not bool or ("result" if ok else "error") not in fields:
        raise DropError(Cause.MALFORMED, "an answer is a map with an id and a result or an error")
    return identity


class Stated(NamedTuple):
    """An actuator, as its leaf states it.

    Attributes:
        about: `risk`, with `low` and `high` or with `values`.
        value: That it has; None where nobody knows.
    """

    about: dict[str, Any]
    value: Any


def stated(answer: Any) -> dict[str, Stated]:
    """The actuators in the answer to `actuators.list`, by name; what has another shape is left out.

    Each is `[value, risk, low, high]`, or `[value, risk, values]` with no values for true and false.
    """
    listed = answer.get("actuators") if type(answer) is dict else None
    found = {}
    for name, said in list(listed.items())[:_ACTUATORS] if type(listed) is dict else ():
        if type(name) is str and gl1.level(name) and type(said) is list and (about := _about(said[1:])) is not None:
            found[name] = Stated(about, said[0] if _is_simple(said[0]) else None)
    return found


def _about(said: list[Any]) -> dict[str, Any] | None:
    match said:
        case [str(risk), low, high] if risk in _RISKS and _is_number(low) and _is_number(high) and low < high:
            return {"risk": risk, "low": low, "high": high}
        case [str(risk), list(values)] if risk in _RISKS and len(values) <= _VALUES and all(map(_is_simple, values)):
            return {"risk": risk, "values": values or [False, True]}
    return None


def _is_number(value: Any) -> TypeGuard[int | float]:
    return (type(value) is int and abs(value) <= 2**53) or (type(value) is float and math.isfinite(value))


def _is_simple(value: Any) -> bool:
    is_text = type(value) is str and 0 < len(value) <= _LETTERS and value.isprintable()
    return type(value) is bool or is_text or _is_number(value)


def nonce(body: Any, name: str) -> bytes:
    """The nonce of a boot."""
    value = body.get(name) if type(body) is dict else None
    if type(value) is not bytes or len(value) != NONCE_SIZE:
        raise DropError(Cause.MALFORMED, f"no {name} of {NONCE_SIZE} bytes")
    return value


def _reading(each: Any, now: int) -> tuple[str, int, Any]:
    if type(each) is not list or len(each) != 3 or not _is_topic(each[0]):
        raise DropError(Cause.MALFORMED, "a reading is a stream, a time and a value")
    stream, timestamp, value = each
    is_number = type(value) is bool or (type(value) is int and abs(value) <= 2**53)
    is_text = type(value) is str and len(value) <= _LETTERS
    if not (is_number or is_text or (type(value) is float and math.isfinite(value))):
        raise DropError(Cause.MALFORMED, f"{stream}: a reading of a leaf is a finite number or a short text")
    return stream, _time(timestamp, now), value


def _is_topic(text: Any) -> TypeGuard[str]:
    return type(text) is str and 0 < len(text) <= _LETTERS and text.isprintable() and is_name(text)


def _time(timestamp: Any, now: int) -> int:
    """What a leaf says of the time where it knows it, else now."""
    known = type(timestamp) is int and clock_valid(timestamp) and timestamp <= now + FRESHNESS
    return int(timestamp) if known else now

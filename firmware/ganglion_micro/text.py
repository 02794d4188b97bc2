# SPDX-License-Identifier: GPL-3.0-or-later
"""How a value is written where a text is made of it: as JSON would write it, the same on every interpreter.

MicroPython keeps maps in no order and knows no letters beyond ASCII, so keys are sorted and cases are turned here.
"""

from ganglion_micro.digits import shortest

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text(value: "Any") -> str:
    """Text as it is; everything else as compact JSON: `true`, `null`, `9.5`, `{"a": [1, 2]}`."""
    if type(value) is str:
        return value
    if type(value) is float:
        return shortest(value)
    return json(value)


def json(value: "Any") -> str:
    """JSON on one line, with sorted keys."""
    if value is None:
        return "null"
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return shortest(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{" + ", ".join([_quoted(str(k)) + ": " + json(value[k]) for k in sorted(value, key=str)]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join([json(each) for each in value]) + "]"
    return _quoted(str(value))


def _quoted(value: str) -> str:
    made = []
    for character in value:
        if character in _ESCAPES:
            made.append(_ESCAPES[character])
        elif character < " ":
            made.append("\\u{:04x}".format(ord(character)))
        else:
            made.append(character)
    return '"' + "".join(made) + '"'


# First and last capital letter, and how far away the small one is: ASCII, Latin-1 twice around the multiplication sign,
# Greek, Cyrillic (Unicode 15, blocks 0000 to 0400). Letters that have no partner in them stay as they are.
_CAPITALS = (
    (0x41, 0x5A, 32),
    (0xC0, 0xD6, 32),
    (0xD8, 0xDE, 32),
    (0x391, 0x3A1, 32),
    (0x3A3, 0x3A9, 32),
    (0x400, 0x40F, 80),
    (0x410, 0x42F, 32),
    (0x490, 0x490, 1),
)


def lower(value: str) -> str:
    """Small letters for capital ones."""
    return "".join([chr(_turned(ord(c), 0)) for c in value])


def upper(value: str) -> str:
    """Capital letters for small ones."""
    return "".join([chr(_turned(ord(c), 1)) for c in value])


def _turned(point: int, up: int) -> int:
    for first, last, away in _CAPITALS:
        if first <= point - up * away <= last:
            return point - away if up else point + away
    return point

# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of a document: those that every home of a script, JSON and CBOR can hold."""

import math
from typing import Any

_LIMIT = 1 << 63


class WrongNumberError(ValueError):
    """A whole number of more than 64 bits, or one that is not finite."""


def whole_or_float(text: str) -> int | float:
    """The number that a text of JSON's grammar stands for.

    Raises:
        WrongNumberError: it does not fit 64 bits.
    """
    if "." in text or "e" in text or "E" in text:
        return finite(float(text))
    if len(text) > 20:
        raise WrongNumberError("a whole number of more than 64 bits")
    return bounded(int(text))


def finite(value: float) -> float:
    """The value itself.

    Raises:
        WrongNumberError: it is infinite or not a number.
    """
    if not math.isfinite(value):
        raise WrongNumberError("a number that is not finite")
    return value


def bounded(value: int) -> int:
    """The value itself.

    Raises:
        WrongNumberError: it needs more than 64 bits.
    """
    if not -_LIMIT <= value < _LIMIT:
        raise WrongNumberError("a whole number of more than 64 bits")
    return value


def kind_of(value: Any) -> str:
    """How a document's author calls the type of a value."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a map" if isinstance(value, dict) else "a list"

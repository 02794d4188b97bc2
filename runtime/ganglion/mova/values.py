# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, and depths, that every home of a script, JSON and CBOR can hold, in documents and from outside."""

import json
import math
from collections.abc import Iterable
from typing import Any

from ganglion.words import _

_LIMIT = 1 << 63
#: Lists and maps inside one another in what comes from outside.
MAX_DEPTH = 32


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
        raise WrongNumberError(_("a whole number of more than 64 bits"))
    return bounded(int(text))


def finite(value: float) -> float:
    """The value itself.

    Raises:
        WrongNumberError: it is infinite or not a number.
    """
    if not math.isfinite(value):
        raise WrongNumberError(_("a number that is not finite"))
    return value


def bounded(value: int) -> int:
    """The value itself.

    Raises:
        WrongNumberError: it needs more than 64 bits.
    """
    if not -_LIMIT <= value < _LIMIT:
        raise WrongNumberError(_("a whole number of more than 64 bits"))
    return value


def from_json(text: str) -> Any:
    """The value of JSON from outside, which a script may use wherever it runs.

    Raises:
        ValueError: it is no JSON, is deeper than MAX_DEPTH, or has a number that does not fit.
    """
    try:
        value = json.loads(text, parse_int=whole_or_float, parse_float=whole_or_float, parse_constant=_no_number)
    except RecursionError:
        raise ValueError(f"deeper than {MAX_DEPTH} levels") from None
    level = [value]
    depth = 0
    while level := [each for one in level if isinstance(one, dict | list) for each in _items(one)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"deeper than {MAX_DEPTH} levels")
    return value


def _items(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _no_number(_word: str) -> float:
    raise WrongNumberError(_("a number that is not finite"))


def kind_of(value: Any) -> str:
    """How a document's author calls the type of a value."""
    if value is None:
        return _("nothing")
    if isinstance(value, bool):
        return _("true or false")
    if isinstance(value, int | float):
        return _("a number")
    if isinstance(value, str):
        return _("text")
    return _("a map") if isinstance(value, dict) else _("a list")

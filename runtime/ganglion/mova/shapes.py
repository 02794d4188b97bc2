# SPDX-License-Identifier: GPL-3.0-or-later
"""What the arrays of a plan are made of: each shape lets a value pass, or says what it must be."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from ganglion.errors import InvalidError

Shape = Callable[[Any, str], None]

_MOST = (1 << 63) - 1


def broken(where: str, what: str) -> InvalidError:
    """The error of a plan in which something is wrong."""
    return InvalidError(what, where=where)


def anything(value: Any, where: str) -> None:
    """Every value; for what is looked at apart."""


def text(value: Any, where: str) -> None:
    """Text, of characters alone."""
    if not isinstance(value, str):
        raise broken(where, "must be text")


def flag(value: Any, where: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise broken(where, "must be true or false")


def number(value: Any, where: str) -> None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise broken(where, "must be a number")


def whole(least: int = 0, most: int = _MOST) -> Shape:
    """A whole number within bounds."""

    def check(value: Any, where: str) -> None:
        if type(value) is not int or not least <= value <= most:
            raise broken(where, f"must be a whole number from {least} to {most}")

    return check


def index(of: Any) -> Shape:
    """A place in a list."""
    return whole(0, len(of) - 1) if isinstance(of, list) else whole(0, -1)


def one_of(values: Sequence[str]) -> Shape:
    """One of some texts."""

    def check(value: Any, where: str) -> None:
        if value not in values:
            raise broken(where, f"must be one of {', '.join(values)}")

    return check


def maybe(shape: Shape) -> Shape:
    """Null, or a shape."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            shape(value, where)

    return check


def items(shape: Shape) -> Shape:
    """A list of one shape."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise broken(where, "must be a list")
        for i, each in enumerate(value):
            shape(each, f"{where}[{i}]")

    return check


def row(*shapes: Shape) -> Shape:
    """A list of as many values, each of its own shape."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or len(value) != len(shapes):
            raise broken(where, f"must be a list of {len(shapes)}")
        for i, (each, shape) in enumerate(zip(value, shapes, strict=True)):
            shape(each, f"{where}[{i}]")

    return check


def path(value: Any, where: str) -> None:
    """Names and numbers that lead to a value: a name first."""
    items(anything)(value, where)
    if not value or not isinstance(value[0], str) or not all(type(each) in (str, int) for each in value):
        raise broken(where, "must be a path of names")


def mapping(value: Any, where: str) -> None:
    """A map of texts to values that JSON has."""
    if not isinstance(value, dict):
        raise broken(where, "must be a map")
    json(value, where)


def json(value: Any, where: str) -> None:
    """A value that JSON has."""
    if isinstance(value, dict):
        for key, each in value.items():
            text(key, where)
            json(each, f"{where}.{key}")
    elif isinstance(value, list):
        items(json)(value, where)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number(value, where)
    elif value is not None and not isinstance(value, str | bool):
        raise broken(where, "must be a value that JSON has")

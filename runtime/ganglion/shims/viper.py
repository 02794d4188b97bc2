# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that MicroPython's viper compiler knows: pointers into buffers, and whole numbers of a machine word."""

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def ptr8(data: Any) -> memoryview:
    """The bytes of a buffer."""
    return memoryview(data).cast("B")


def ptr16(data: Any) -> memoryview:
    """A buffer as halfwords."""
    return memoryview(data).cast("B").cast("H")


def ptr32(data: Any) -> memoryview:
    """A buffer as words."""
    return memoryview(data).cast("B").cast("I")


def ptr(data: Any) -> Any:
    """An object's address; here the object."""
    return data


def uint(value: Any) -> int:
    """A whole number as 32 bits without sign."""
    return int(value) & 0xFFFFFFFF


def _whole(value: Any) -> int:
    return 0 if value is None else int(value)


#: What annotations and bodies of viper functions may name.
BUILTINS: dict[str, Any] = {each.__name__: each for each in (ptr, ptr8, ptr16, ptr32, uint)}


def viper(function: Function) -> Function:
    """A function whose arguments and result are turned into what they are annotated as.

    Arithmetic does not wrap at 32 bits.
    """
    turns = {name: turn for name, kind in function.__annotations__.items() if (turn := _turn(kind)) is not None}
    if not turns:
        return function
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    places = [(names.index(name), turn) for name, turn in turns.items() if name in names]
    ended = turns.get("return")

    def call(*arguments: Any) -> Any:
        values = list(arguments)
        for place, turn in places:
            values[place] = turn(values[place])
        result = function(*values)
        return result if ended is None else ended(result)

    return call  # type: ignore[return-value]


def _turn(kind: Any) -> Callable[[Any], Any] | None:
    if kind is bool:
        return bool
    if kind is int:
        return _whole
    return kind if BUILTINS.get(getattr(kind, "__name__", "")) is kind else None

# SPDX-License-Identifier: GPL-3.0-or-later
"""`%` and `format` of bytes, which take on MicroPython what those of text do: `b"%s /%s" % (method, path)`."""

from typing import Any


class _Bytes(str):
    """The bytes of a value as characters 0 to 255, which print as the value does."""

    __slots__ = ("value",)
    value: Any

    def __repr__(self) -> str:
        return repr(self.value)


def _characters(value: Any) -> Any:
    if not isinstance(value, bytes | str):
        return value
    data = value if isinstance(value, bytes) else value.encode()
    made = _Bytes(data.decode("latin-1"))
    made.value = value
    return made


def percent(template: bytes, values: Any) -> bytes:
    """`template % values`.

    Raises:
        TypeError: too many values or too few, or one is of a wrong type.
    """
    text = template.decode("latin-1")
    if isinstance(values, tuple):
        return (text % tuple(map(_characters, values))).encode("latin-1")
    if isinstance(values, dict):
        return (text % {key: _characters(value) for key, value in values.items()}).encode("latin-1")
    return (text % (_characters(values),)).encode("latin-1")


def format_(template: bytes, *values: Any, **named: Any) -> bytes:
    """`template.format(…)`.

    Raises:
        IndexError: too few values.
    """
    made = template.decode("latin-1").format(
        *map(_characters, values), **{key: _characters(value) for key, value in named.items()}
    )
    return made.encode("latin-1")

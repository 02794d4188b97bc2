# SPDX-License-Identifier: GPL-3.0-or-later
"""`struct` with MicroPython's types and errors: ValueError, and buffers that may be longer than the format."""

import struct as _struct
from typing import Any

from ganglion.shims.buffers import readable as _readable
from ganglion.shims.buffers import writable as _writable

error = ValueError


def calcsize(format: str | bytes) -> int:
    """Bytes of a format.

    Raises:
        ValueError: it is none.
    """
    return _compiled(format).size


def unpack(format: str | bytes, data: Any) -> tuple[Any, ...]:
    """The values at the beginning of a buffer.

    Raises:
        ValueError: it is shorter than the format.
    """
    return unpack_from(format, data)


def unpack_from(format: str | bytes, data: Any, offset: int = 0) -> tuple[Any, ...]:
    """The values at an offset, which counts from the end where it is negative."""
    layout, view = _compiled(format), _readable(data)
    return layout.unpack_from(view, _start(offset, len(view), layout.size))


def pack(format: str | bytes, *values: Any) -> bytes:
    layout = _compiled(format)
    return _packed(layout, values)


def pack_into(format: str | bytes, buffer: Any, offset: int, *values: Any) -> None:
    layout, view = _compiled(format), _writable(buffer)
    start = _start(offset, len(view), layout.size)
    view[start : start + layout.size] = _packed(layout, values)


def _compiled(format: str | bytes) -> _struct.Struct:
    try:
        return _struct.Struct(format)
    except _struct.error as wrong:
        raise ValueError("bad typecode") from wrong


def _start(offset: int, length: int, size: int) -> int:
    start = offset + length if offset < 0 else offset
    if start < 0 or start + size > length:
        raise ValueError("buffer too small")
    return start


def _packed(layout: _struct.Struct, values: tuple[Any, ...]) -> bytes:
    try:
        return layout.pack(*values)
    except _struct.error:
        return layout.pack(*_wrapped(layout.format, values))


def _wrapped(format: str, values: tuple[Any, ...]) -> list[Any]:
    """Values cut to what their types hold, as MicroPython stores them, and zeros for those that are not given."""
    order, types = (format[0], format[1:]) if format[:1] in "@=<>!" else ("@", format)
    out: list[Any] = []
    given = list(values)
    count = ""
    for kind in types:
        if kind.isdigit():
            count += kind
            continue
        times, count = int(count or 1), ""
        if kind in "x ":
            continue
        for _ in range(1 if kind in "sp" else times):
            value = given.pop(0) if given else b"" if kind in "spc" else 0
            if kind in "bBhHiIlLqQnN":
                size = _struct.calcsize(order + kind)
                value = int(value) & ((1 << 8 * size) - 1)
                if kind in "bhilqn" and value >> (8 * size - 1):
                    value -= 1 << 8 * size
            elif kind in "s" and isinstance(value, str):
                value = value.encode()
            out.append(value)
    return out

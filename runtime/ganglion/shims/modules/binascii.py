# SPDX-License-Identifier: GPL-3.0-or-later
"""`binascii`: CPython's, which here takes text where it takes bytes."""

import binascii as _binascii
from typing import Any

from ganglion.shims.buffers import readable as _readable


def __getattr__(name: str) -> Any:
    return getattr(_binascii, name)


def hexlify(data: Any, sep: str | bytes | None = None) -> bytes:
    return _binascii.hexlify(_readable(data)) if sep is None else _binascii.hexlify(_readable(data), sep)


def unhexlify(data: Any) -> bytes:
    """Bytes from hexadecimal digits.

    Raises:
        ValueError: their number is odd, or one is no digit.
    """
    return _binascii.unhexlify(data if isinstance(data, str) else _readable(data))


def a2b_base64(data: Any) -> bytes:
    return _binascii.a2b_base64(_readable(data))


def b2a_base64(data: Any, *, newline: bool = True) -> bytes:
    return _binascii.b2a_base64(_readable(data), newline=newline)


def crc32(data: Any, crc: int = 0) -> int:
    return _binascii.crc32(_readable(data), crc)

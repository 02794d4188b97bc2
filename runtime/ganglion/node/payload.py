# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what third parties send: JSON, CBOR or text. Nothing comes of it that scripts, stores and the mesh cannot hold.

That is what JSON can say: null, booleans, whole numbers of 64 bits, finite numbers, text that UTF-8 has, and lists and
maps of these. The native core picks numbers out of payloads by the same rules.
"""

import json
from io import BytesIO
from math import isfinite
from typing import Any

#: Lists and maps inside one another: as many as a message of the mesh may have.
MAX_DEPTH = 16
#: Values in a payload. CBOR may refer to a value again and again (tag 29), so that few bytes unfold to very many.
MAX_VALUES = 100_000
_LEAST, _MOST = -(2**63), 2**63 - 1


def decode(payload: bytes) -> Any:
    """The value of a payload: of JSON, else the text that is none (`ON`, `open`); of CBOR where it is no text.

    Raises:
        ValueError: it is none of these, or holds what `check` refuses.
    """
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        value = _cbor(payload)
    else:
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        except RecursionError:
            raise ValueError("too deep") from None
    check(value)
    return value


def _cbor(payload: bytes) -> Any:
    import cbor2  # loaded where a device speaks CBOR on a plain topic

    stream = BytesIO(payload)
    try:
        value = cbor2.CBORDecoder(stream).decode()
    except Exception as error:  # of cbor2, or of what it makes of a tag: dates, patterns, decimals
        raise ValueError(f"neither text nor CBOR: {error}") from None
    if stream.read(1):
        raise ValueError("something stands after the end of the CBOR")
    return value


def check(value: Any) -> None:
    """Makes sure of a value that came from outside.

    Raises:
        ValueError: it is too deep or too large, or holds anything but what JSON can say, with whole numbers of at most
            64 bits.
    """
    waiting = [(value, 0)]
    count = 0
    while waiting:
        one, depth = waiting.pop()
        count += 1
        if count > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values")
        kind = type(one)
        if kind is list or kind is dict:
            if depth == MAX_DEPTH:
                raise ValueError(f"more than {MAX_DEPTH} lists and maps inside one another")
            waiting += [(each, depth + 1) for each in (one if kind is list else _values(one))]
        else:
            _check_plain(kind, one)


def _values(value: dict[Any, Any]) -> list[Any]:
    for key in value:
        if type(key) is not str:
            raise ValueError(f"a {type(key).__name__} as the key of a map")
        key.encode()  # half of a surrogate pair, which JSON can escape, is a ValueError
    return list(value.values())


def _check_plain(kind: type, value: Any) -> None:
    if kind is str:
        value.encode()
    elif kind is float:
        if not isfinite(value):
            raise ValueError("a number that is not finite")
    elif kind is int:
        if not _LEAST <= value <= _MOST:
            raise ValueError("a whole number of more than 64 bits")
    elif value is not None and kind is not bool:
        raise ValueError(f"a {kind.__name__}")

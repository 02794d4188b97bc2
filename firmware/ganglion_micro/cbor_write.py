# SPDX-License-Identifier: GPL-3.0-or-later
"""The writing half of the strict CBOR codec: the one deterministic encoding of a value (RFC 8949 section 4.2.1)."""

from struct import pack, unpack

from ganglion_micro.cbor_float import half
from ganglion_micro.cbor_item import LAX, MAX_DEPTH, MAX_SIZE, CBORError, Encoded, Tag

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def encode(value: "Any", depth: int = 0) -> bytes:
    """The one encoding of a value made of None, bool, int, float, str, bytes, list, tuple, dict, `Tag`, `Encoded`.

    Args:
        depth: Levels that will be around it, counted against `MAX_DEPTH`.

    Raises:
        CBORError: a type or an integer that CBOR or this profile has no place for, too deep, too large.
    """
    parts: list[bytes] = []
    _write(parts.append, value, MAX_DEPTH - depth)
    data = b"".join(parts)
    if len(data) > MAX_SIZE:
        raise CBORError(f"{len(data)} bytes, and {MAX_SIZE} is the limit")
    return data


class _OneByte:
    """Each byte by its number, made anew: a list of all takes 9 KiB, which a small board does not have."""

    def __getitem__(self, number: int) -> bytes:
        return bytes((number,))


_BYTE: "list[bytes] | _OneByte" = _OneByte() if LAX else [bytes((i,)) for i in range(256)]
#: Names of fields, encoded: a program has a few dozen. When full, others are encoded each time.
_KEYS: "dict[str, bytes]" = {}
_KNOWN = 256


def head(major: int, n: int) -> bytes:
    """The head of an item: its major type times 32, and its argument in the shortest form (RFC 8949 section 3)."""
    if n < 24:
        return _BYTE[major | n]
    if n < 0x100:
        return pack(">BB", major | 24, n)
    if n < 0x10000:
        return pack(">BH", major | 25, n)
    if n < 0x100000000:
        return pack(">BI", major | 26, n)
    if n < 0x10000000000000000:
        return pack(">BQ", major | 27, n)
    raise CBORError("an integer outside of -2^64 to 2^64 - 1")


def _write(put: "Callable[[bytes], None]", value: "Any", depth: int) -> None:
    writer = _WRITERS.get(type(value))
    if writer is None:
        for kind in _INHERITED:
            if isinstance(value, kind):
                writer = _WRITERS[kind]
                break
        else:
            raise CBORError(f"a {type(value).__name__} has no place in CBOR")
    writer(put, value, depth)


def _int(put: "Callable[[bytes], None]", value: int, depth: int) -> None:
    put(head(0, value) if value >= 0 else head(0x20, -1 - value))


def _bytes(put: "Callable[[bytes], None]", value: bytes, depth: int) -> None:
    put(head(0x40, len(value)))
    put(value)


def _octets(put: "Callable[[bytes], None]", value: bytearray, depth: int) -> None:
    _bytes(put, bytes(value), depth)


def _text(put: "Callable[[bytes], None]", value: str, depth: int) -> None:
    try:
        data = value.encode()
    except UnicodeError:
        raise CBORError("text with a lone surrogate") from None
    put(head(0x60, len(data)))
    put(data)


def _array(put: "Callable[[bytes], None]", value: "list[Any]", depth: int) -> None:
    if depth <= 0:
        raise CBORError(f"deeper than {MAX_DEPTH} levels")
    put(head(0x80, len(value)))
    depth -= 1
    for item in value:
        writer = _WRITERS.get(type(item))
        if writer is None:
            _write(put, item, depth)
        else:
            writer(put, item, depth)


def _map(put: "Callable[[bytes], None]", value: "dict[Any, Any]", depth: int) -> None:
    if depth <= 0:
        raise CBORError(f"deeper than {MAX_DEPTH} levels")
    put(head(0xA0, len(value)))
    depth -= 1
    keys = _KEYS
    pairs = []
    for key, item in value.items():
        raw = keys.get(key) if type(key) is str else None
        pairs.append((raw or _key(key), item))
    pairs.sort(key=_first)
    for raw, item in pairs:
        put(raw)
        writer = _WRITERS.get(type(item))
        if writer is None:
            _write(put, item, depth)
        else:
            writer(put, item, depth)


def _first(pair: "tuple[bytes, Any]") -> bytes:
    return pair[0]


def _key(key: "Any") -> bytes:
    if type(key) is str:
        raw = encode(key)
        if len(_KEYS) < _KNOWN and len(raw) < 24:
            _KEYS[key] = raw
        return raw
    if type(key) is int or type(key) is bytes:
        return encode(key)
    raise CBORError(f"a {type(key).__name__} as the key of a map: use an integer, text or bytes")


def _tag(put: "Callable[[bytes], None]", value: Tag, depth: int) -> None:
    if depth <= 0:
        raise CBORError(f"deeper than {MAX_DEPTH} levels")
    if type(value.number) is not int or value.number < 0:
        raise CBORError(f"{value.number!r} as the number of a tag")
    put(head(0xC0, value.number))
    _write(put, value.value, depth - 1)


def _bool(put: "Callable[[bytes], None]", value: bool, depth: int) -> None:
    put(b"\xf5" if value else b"\xf4")


def _none(put: "Callable[[bytes], None]", value: None, depth: int) -> None:
    put(b"\xf6")


def _encoded(put: "Callable[[bytes], None]", value: Encoded, depth: int) -> None:
    put(value.data)


def _float(put: "Callable[[bytes], None]", value: float, depth: int) -> None:
    if value != value:
        put(b"\xf9\x7e\x00")
        return
    try:
        single = pack(">f", value)
    except OverflowError:
        single = b""
    if not single or unpack(">f", single)[0] != value:
        put(b"\xfb" + pack(">d", value))
        return
    shorter = half(int.from_bytes(single, "big"))
    put(b"\xfa" + single if shorter < 0 else pack(">BH", 0xF9, shorter))


_WRITERS: "dict[type, Callable[[Callable[[bytes], None], Any, int], None]]" = {
    int: _int,
    str: _text,
    bytes: _bytes,
    float: _float,
    bool: _bool,
    type(None): _none,
    dict: _map,
    list: _array,
    tuple: _array,
    bytearray: _octets,
    Tag: _tag,
    Encoded: _encoded,
}
#: Looked through for a type that is none of the above, such as an IntEnum or a named tuple.
_INHERITED = (int, str, bytes, float, dict, list, tuple)

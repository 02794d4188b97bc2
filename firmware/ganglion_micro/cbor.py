# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict deterministic CBOR: one value has one encoding, and nothing else is decoded.

RFC 8949 section 4.2.1: shortest heads, shortest floats that keep the value, definite lengths, map keys sorted by
their encoded bytes. On top of that, refused both ways: duplicate keys, trailing bytes, NaN other than f97e00, simple
values other than false, true and null, keys other than integers, text and byte strings, and text that is not UTF-8.
So `encode(decode(data)) == data` for everything that `decode` takes, which is what a signature needs. A tag is kept
as a `Tag`; what its number means is left to the caller.

Where floats are of single precision (some MicroPython ports) a double is decoded to the nearest single, so what was
signed elsewhere is to be relayed as the bytes that came, never as a new encoding.
"""

from struct import pack, unpack

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Bytes of the largest item, checked before anything is allocated. The largest thing said in the mesh is a page of a
#: release, 32 KiB; a small board has 100 KiB of heap.
MAX_SIZE = 65536
#: Arrays, maps and tags inside one another; each costs a stack frame on a small board.
MAX_DEPTH = 16


try:
    str(b"\xc0\x80", "utf-8")
    #: MicroPython looks at how many bytes a character has, and not at which: its `str` takes `/` in two bytes too.
    _LAX = True
except UnicodeError:
    _LAX = False


class CBORError(ValueError):
    """The bytes are not the deterministic encoding of a value, or the value has none."""


class Tag:
    """A tagged value (RFC 8949 section 3.4)."""

    __slots__ = ("number", "value")

    def __init__(self, number: int, value: "Any") -> None:
        self.number = number
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tag) and self.number == other.number and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((self.number, self.value))

    def __repr__(self) -> str:
        return f"Tag({self.number}, {self.value!r})"


class Encoded:
    """One item that is encoded already: `encode` copies its bytes. They must come from `encode`."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


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


def decode(data: bytes) -> "Any":
    """The value of exactly one item.

    Raises:
        CBORError: it is not the deterministic encoding of a value, too deep, or too large.
    """
    size = len(data)
    if size > MAX_SIZE:
        raise CBORError(f"{size} bytes, and {MAX_SIZE} is the limit")
    if type(data) is not bytes:
        data = bytes(data)
    try:
        value, end = _read(data, 0, MAX_DEPTH)
    except IndexError:
        raise CBORError("cut short") from None
    if end != size:
        raise CBORError("cut short" if end > size else f"{size - end} bytes after the item")
    return value


_BYTE = [bytes((i,)) for i in range(256)]
#: Names of fields, encoded: a program has a few dozen. When full, others are encoded each time.
_KEYS: "dict[str, bytes]" = {}
_KNOWN = 256


def _head(major: int, n: int) -> bytes:
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
    put(_head(0, value) if value >= 0 else _head(0x20, -1 - value))


def _bytes(put: "Callable[[bytes], None]", value: bytes, depth: int) -> None:
    put(_head(0x40, len(value)))
    put(value)


def _octets(put: "Callable[[bytes], None]", value: bytearray, depth: int) -> None:
    _bytes(put, bytes(value), depth)


def _text(put: "Callable[[bytes], None]", value: str, depth: int) -> None:
    try:
        data = value.encode()
    except UnicodeError:
        raise CBORError("text with a lone surrogate") from None
    put(_head(0x60, len(data)))
    put(data)


def _array(put: "Callable[[bytes], None]", value: "list[Any]", depth: int) -> None:
    if depth <= 0:
        raise CBORError(f"deeper than {MAX_DEPTH} levels")
    put(_head(0x80, len(value)))
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
    put(_head(0xA0, len(value)))
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
    put(_head(0xC0, value.number))
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
    half = _half(int.from_bytes(single, "big"))
    put(b"\xfa" + single if half < 0 else pack(">BH", 0xF9, half))


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


def _half(bits: int) -> int:
    """The binary16 that equals a binary32 other than NaN, both as bits; -1 where there is none."""
    sign = bits >> 16 & 0x8000
    exponent = bits >> 23 & 0xFF
    fraction = bits & 0x7FFFFF
    if exponent == 255:
        return sign | 0x7C00
    if not exponent:
        return -1 if fraction else sign
    exponent -= 112
    if 0 < exponent < 31:
        return -1 if fraction & 0x1FFF else sign | exponent << 10 | fraction >> 13
    if -10 < exponent <= 0:  # subnormal: multiples of 2^-24
        fraction |= 0x800000
        shift = 14 - exponent
        return -1 if fraction & ((1 << shift) - 1) else sign | fraction >> shift
    return -1


def _fits_single(bits: int) -> bool:
    """Whether a binary64, as bits, is infinite, not a number, or equal to a binary32."""
    exponent = bits >> 52 & 0x7FF
    if exponent == 0x7FF:
        return True
    if bits & 0x1FFFFFFF:
        return False
    fraction = bits & 0xFFFFFFFFFFFFF
    if not exponent:
        return not fraction
    exponent -= 896
    if 0 < exponent < 255:
        return True
    return -23 < exponent <= 0 and not (fraction | 1 << 52) & ((1 << (30 - exponent)) - 1)


def _float_at(data: bytes, at: int, info: int) -> "tuple[float, int]":
    end = at + (2 if info == 25 else 4 if info == 26 else 8)
    if end > len(data):
        raise CBORError("cut short")
    bits = int.from_bytes(data[at:end], "big")
    if info == 25:
        exponent = bits >> 10 & 31
        fraction = bits & 0x3FF
        if exponent == 31:
            if fraction and bits != 0x7E00:
                raise CBORError("a NaN other than f97e00")
            value = float("nan") if fraction else float("inf")
        elif exponent:
            value = (fraction | 0x400) * 2.0 ** (exponent - 25)
        else:
            value = fraction * 2.0**-24
        return (-value if bits & 0x8000 else value), end
    if info == 26:
        if (bits & 0x7FFFFFFF) > 0x7F800000 or _half(bits) >= 0:
            raise CBORError("a float that a shorter one equals")
        return unpack(">f", data[at:end])[0], end
    if _fits_single(bits):
        raise CBORError("a float that a shorter one equals")
    return unpack(">d", data[at:end])[0], end


def _read(data: bytes, at: int, depth: int) -> "tuple[Any, int]":
    # A head that is cut short reads as a smaller number; the end is then beyond the data, which `decode` sees.
    first = data[at]
    at += 1
    major = first >> 5
    n = first & 31
    if major == 7:
        if n == 20:
            return False, at
        if n == 21:
            return True, at
        if n == 22:
            return None, at
        if 25 <= n <= 27:
            return _float_at(data, at, n)
        raise CBORError(f"simple value or break 0x{first:02x}")
    if n > 23:
        if n == 24:
            n = data[at]
            at += 1
            short = n < 24
        elif n == 25:
            n = int.from_bytes(data[at : at + 2], "big")
            at += 2
            short = n < 0x100
        elif n == 26:
            n = int.from_bytes(data[at : at + 4], "big")
            at += 4
            short = n < 0x10000
        elif n == 27:
            n = int.from_bytes(data[at : at + 8], "big")
            at += 8
            short = n < 0x100000000
        elif n == 31:
            raise CBORError("an indefinite length")
        else:
            raise CBORError(f"reserved head 0x{first:02x}")
        if short:
            raise CBORError("a number that is not in its shortest form")
    if major == 0:
        return n, at
    if major == 3:
        end = at + n
        if end > len(data):
            raise CBORError("cut short")
        raw = data[at:end]
        try:
            text = str(raw, "utf-8")
        except UnicodeError:
            raise CBORError("text that is not UTF-8") from None
        if _LAX and not _well_formed(raw):
            raise CBORError("text that is not UTF-8")
        return text, end
    if major == 2:
        end = at + n
        if end > len(data):
            raise CBORError("cut short")
        return data[at:end], end
    if major == 1:
        return -1 - n, at
    if depth <= 0:
        raise CBORError(f"deeper than {MAX_DEPTH} levels")
    depth -= 1
    if major == 4:
        if n > len(data) - at:  # an item takes a byte at least: a lie is found before the list is made
            raise CBORError("cut short")
        items = []
        for _ in range(n):
            item, at = _read(data, at, depth)
            items.append(item)
        return items, at
    if major == 5:
        if 2 * n > len(data) - at:
            raise CBORError("cut short")
        found = {}
        previous = b""
        for _ in range(n):
            start = at
            key, at = _read(data, at, depth)
            raw = data[start:at]
            if raw <= previous:
                raise CBORError("a key twice in a map" if raw == previous else "keys of a map that are not sorted")
            previous = raw
            kind = type(key)
            if kind is not str and kind is not int and kind is not bytes:
                raise CBORError(f"a {kind.__name__} as the key of a map")
            found[key], at = _read(data, at, depth)
        return found, at
    value, at = _read(data, at, depth)
    return Tag(n, value), at


def _well_formed(raw: bytes) -> bool:
    """Whether each character is in its shortest form, a scalar value and at most U+10FFFF (RFC 3629 section 4).

    The number of continuation bytes is right already. What is left to see is in the first two bytes of a character.
    """
    for at, byte in enumerate(raw):
        if byte < 0xC2:
            if byte >= 0xC0:
                return False
        elif byte in (0xE0, 0xED, 0xF0) or byte >= 0xF4:
            second = raw[at + 1]
            if (byte == 0xE0 and second < 0xA0) or (byte == 0xED and second >= 0xA0):
                return False
            if (byte == 0xF0 and second < 0x90) or (byte == 0xF4 and second >= 0x90) or byte > 0xF4:
                return False
    return True

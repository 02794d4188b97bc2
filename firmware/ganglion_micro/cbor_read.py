# SPDX-License-Identifier: GPL-3.0-or-later
"""The reading half of the strict CBOR codec: the value of an item, where it is encoded as `cbor_write` would."""

from struct import unpack

from ganglion_micro.cbor_float import fits_single, half
from ganglion_micro.cbor_item import LAX, MAX_DEPTH, MAX_SIZE, CBORError, Tag

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any


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
    value, end = decode_at(data, 0)
    if end != size:
        raise CBORError(f"{size - end} bytes after the item")
    return value


def decode_at(data: bytes, at: int) -> "tuple[Any, int]":
    """The value of the item that begins at an offset, and the offset of what follows it.

    Raises:
        CBORError: it is not the deterministic encoding of a value, or too deep.
    """
    try:
        value, end = _read(data, at, MAX_DEPTH)
    except IndexError:
        raise CBORError("cut short") from None
    if end > len(data):
        raise CBORError("cut short")
    return value, end


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
        if (bits & 0x7FFFFFFF) > 0x7F800000 or half(bits) >= 0:
            raise CBORError("a float that a shorter one equals")
        return unpack(">f", data[at:end])[0], end
    if fits_single(bits):
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
        if LAX and not _well_formed(raw):
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

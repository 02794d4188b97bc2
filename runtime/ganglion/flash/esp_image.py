# SPDX-License-Identifier: GPL-3.0-or-later
"""Images for Espressif's chips, as MicroPython ships them: whether one is whole, and for which chip.

The format: esptool's documentation, "Firmware Image Format"; ESP-IDF, "Partition Tables". Of an ESP32 the file has the
bootloader, the table of partitions at 0x8000 of the flash and the application; of an ESP8266 two parts with an MD5 over
both (MicroPython, ports/esp8266/makeimg.py).
"""

import hashlib
import struct
from collections.abc import Iterator

from ganglion.board.words import ESP_CHIPS
from ganglion.errors import InvalidError

_MAGIC, _CHECKSUM = 0xE9, 0xEF
_SEGMENTS = 16
_TABLE, _TABLE_SIZE, _ENTRY = 0x8000, 0xC00, 32
#: Kind and subtype of applications: of the factory, and the first that is updated over the air.
_STARTS = ((0, 0x00), (0, 0x10))
#: Kind and subtypes of partitions that the board writes to itself: PHY, NVS and its keys. What says which application
#: runs is none of them, as the one of the image is to run.
_DATA, _ITS_OWN = 1, (0x01, 0x02, 0x04)
#: Of an ESP8266: where the second part begins, and before it the bytes of both.
_SECOND = 0x9000


def check(data: bytes, chip: str, offset: int, where: str) -> None:
    """Refuses what is no whole image for this chip.

    Args:
        data: All of the file.
        chip: esptool's word.
        offset: Where it begins in the flash.
        where: What the file is called.

    Raises:
        InvalidError: it is another chip's, no image at all, damaged or cut short; the message says which.
    """
    if not data or data[0] != _MAGIC:
        said = f"0x{data[0]:02x}" if data else "nothing"
        raise InvalidError(
            f"is no image for Espressif's chips: it begins with {said}, not 0x{_MAGIC:02x}; take the .bin file",
            where=where,
        )
    _same_chip(data, chip, where)
    _whole(data, 0, chip, "the bootloader" if chip != "esp8266" else "the first part", where)
    if chip == "esp8266":
        _second_part(data, where)
        return
    table = _TABLE - offset
    if len(data) < table + _ENTRY:
        raise _short(where, f"the table of partitions at 0x{table:x}")
    if data[table : table + 2] != b"\xaa\x50":
        raise InvalidError(
            f"has no table of partitions at 0x{table:x}: it is an application alone, and the board needs the file for "
            "a first installation",
            where=where,
        )
    starts = [start for start in _applications(data[table : table + _TABLE_SIZE]) if start - offset < len(data)]
    if not starts:
        raise _short(where, "the application")
    _whole(data, starts[0] - offset, chip, "the application", where)


def own_areas(data: bytes, chip: str, offset: int) -> list[tuple[int, int]]:
    """Where in the flash an image that is whole has nothing, and the board keeps what it has learnt: start and end."""
    if chip == "esp8266":
        return []
    table = data[_TABLE - offset : _TABLE - offset + _TABLE_SIZE]
    found = [
        (start, start + size)
        for kind, subtype, start, size in _partitions(table)
        if kind == _DATA and subtype in _ITS_OWN and start + size - offset <= len(data)
    ]
    return sorted(area for area in found if not data[area[0] - offset : area[1] - offset].strip(b"\xff"))


def _same_chip(data: bytes, chip: str, where: str) -> None:
    wanted = ESP_CHIPS.get(chip)
    found = struct.unpack_from("<H", data, 12)[0] if len(data) >= 24 else None
    if chip == "esp8266":
        # An extended header has zeros here; the ESP8266's first segment is in its instruction memory
        address = struct.unpack_from("<I", data, 8)[0] if len(data) >= 12 else 0
        if not 0x3FFE8000 <= address < 0x40300000:
            raise InvalidError("is an image for another chip than the esp8266: take the one of your board", where=where)
    elif found is not None and wanted is not None and found != wanted:
        names = [name for name, number in ESP_CHIPS.items() if number == found]
        other = f"for the {names[0]}" if names else f"for a chip of number {found}"
        raise InvalidError(
            f"is an image {other}, and this board has an {chip}: take the one of your board", where=where
        )


def _whole(data: bytes, start: int, chip: str, what: str, where: str) -> None:
    """Walks the segments of one image in the file, and compares its checksum and its SHA-256."""
    extended = 0 if chip == "esp8266" else 16
    if len(data) < start + 8 + extended:
        raise _short(where, what)
    if data[start] != _MAGIC or not 0 < data[start + 1] <= _SEGMENTS:
        raise InvalidError(f"is damaged: at 0x{start:x} there should be {what}", where=where)
    at = start + 8 + extended
    checksum = _CHECKSUM
    for _ in range(data[start + 1]):
        if len(data) < at + 8:
            raise _short(where, what)
        size = struct.unpack_from("<I", data, at + 4)[0]
        segment = data[at + 8 : at + 8 + size]
        if len(segment) < size:
            raise _short(where, what)
        checksum ^= _xor(segment)
        at += 8 + size
    end = start + ((at - start) | 15)
    if len(data) <= end:
        raise _short(where, what)
    if data[end] != checksum:
        raise InvalidError(f"is damaged: the checksum of {what} does not fit; fetch it again", where=where)
    if extended and data[start + 23] == 1:
        digest = data[end + 1 : end + 33]
        if len(digest) < 32:
            raise _short(where, what)
        if hashlib.sha256(data[start : end + 1]).digest() != digest:
            raise InvalidError(f"is damaged: the SHA-256 of {what} does not fit; fetch it again", where=where)


def _xor(data: bytes) -> int:
    """All bytes of it, one over the other."""
    word = 0
    for at in range(0, len(data), 4096):
        word ^= int.from_bytes(data[at : at + 4096].ljust(4096, b"\0"), "little")
    while word > 0xFF:
        half = (word.bit_length() + 15) // 16 * 8
        word = (word >> half) ^ (word & ((1 << half) - 1))
    return word


def _applications(table: bytes) -> list[int]:
    """Where applications begin in the flash: that of the factory, or the first that is updated over the air."""
    return [start for kind, subtype, start, _ in _partitions(table) if (kind, subtype) in _STARTS]


def _partitions(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Kind, subtype, start and size of each."""
    for at in range(0, len(table) - _ENTRY + 1, _ENTRY):
        magic, *fields = struct.unpack_from("<2sBBII", table, at)
        if magic != b"\xaa\x50":
            return
        yield fields[0], fields[1], fields[2], fields[3]


def _second_part(data: bytes, where: str) -> None:
    if len(data) < _SECOND:
        raise _short(where, "the second part")
    size = struct.unpack_from("<I", data, _SECOND - 4)[0]
    if not _SECOND < size < 1 << 24:
        raise InvalidError("is no MicroPython for the esp8266: at 0x8ffc there is no size of it", where=where)
    if len(data) < size + 16:
        raise _short(where, "the second part")
    if hashlib.md5(data[4:size], usedforsecurity=False).digest() != data[size : size + 16]:
        raise InvalidError("is damaged: its MD5 does not fit; fetch it again", where=where)


def _short(where: str, what: str) -> InvalidError:
    return InvalidError(f"is cut short: it ends before the end of {what}; fetch it again", where=where)

# SPDX-License-Identifier: GPL-3.0-or-later
"""UF2 files: whether one is whole, and for this board's chip (github.com/microsoft/uf2, README.md)."""

import struct
from itertools import pairwise
from typing import NamedTuple

from ganglion.board.words import UF2_FAMILIES
from ganglion.errors import InvalidError

BLOCK = 512
_START, _SECOND, _END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_NOT_FOR_FLASH, _IS_FILE, _HAS_FAMILY = 0x1, 0x1000, 0x2000
_MOST = 476  # bytes of data of a block
#: Where the flash of the RP2040 and the RP2350 is (their datasheets, "Address Map").
FLASH = 0x10000000
#: What a block of the RP2350 may have besides: the Absolute family of pico-sdk, which works around RP2350-E10.
_ABSOLUTE = 0xE48BFF57


class Contents(NamedTuple):
    """What is in a file.

    Attributes:
        start: The lowest address.
        size: Bytes of data.
        blocks: For the flash.
        program: What they have, one after the other.
    """

    start: int
    size: int
    blocks: int
    program: bytes


class _Block(NamedTuple):
    flags: int
    address: int
    size: int
    number: int
    total: int
    family: int
    data: bytes


def check(data: bytes, family: int, flash_bytes: int | None, where: str) -> Contents:
    """Refuses what the board's boot loader would not take, or would take and not start.

    Args:
        data: All of the file.
        family: Of the board's chip.
        flash_bytes: Of the board; None where nobody knows.
        where: What the file is called.

    Raises:
        InvalidError: it is no UF2, another chip's, damaged or cut short; the message names the block.
    """
    if not data or len(data) % BLOCK:
        if len(data) >= 4 and struct.unpack_from("<I", data)[0] == _START:
            raise InvalidError(f"is cut short: {len(data)} bytes are no whole blocks of {BLOCK}", where=where)
        raise InvalidError("is no UF2: take the .uf2 file of your board", where=where)
    blocks = [_block(data, at, where) for at in range(0, len(data), BLOCK)]
    ours = [each for each in blocks if not each.flags & (_NOT_FOR_FLASH | _IS_FILE) and each.family in (family, 0)]
    others = sorted({each.family for each in blocks} - {family, 0, _ABSOLUTE})
    if not ours or others:
        for_whom = ", ".join(UF2_FAMILIES.get(each, f"family 0x{each:08x}") for each in others) or "nobody's flash"
        wanted = UF2_FAMILIES.get(family, f"family 0x{family:08x}")
        raise InvalidError(f"is for {for_whom}, and this board is an {wanted}: take its own file", where=where)
    _in_order(ours, where)
    _on_the_flash(ours, flash_bytes, where)
    program = b"".join(each.data for each in ours)
    return Contents(min(each.address for each in ours), len(program), len(ours), program)


def _block(data: bytes, at: int, where: str) -> _Block:
    first, second, flags, address, size, number, total, family = struct.unpack_from("<8I", data, at)
    (end,) = struct.unpack_from("<I", data, at + BLOCK - 4)
    if (first, second, end) != (_START, _SECOND, _END):
        what = "is no UF2: take the .uf2 file of your board" if at == 0 else f"is damaged in block {at // BLOCK}"
        raise InvalidError(what, where=where)
    if not 0 < size <= _MOST:
        raise InvalidError(f"is damaged: block {at // BLOCK} has {size} bytes", where=where)
    content = data[at + 32 : at + 32 + size]
    return _Block(flags, address, size, number, total, family if flags & _HAS_FAMILY else 0, content)


def _in_order(blocks: list[_Block], where: str) -> None:
    """A board starts when it has as many blocks as each of them says that there are."""
    totals = {each.total for each in blocks}
    if len(totals) > 1:
        raise InvalidError("is put together of several files: its blocks do not agree how many they are", where=where)
    (total,) = totals
    if len(blocks) < total:
        raise InvalidError(f"is cut short: it has {len(blocks)} blocks of {total}; fetch it again", where=where)
    for place, each in enumerate(blocks):
        if each.number != place:
            raise InvalidError(f"is damaged: block {each.number} is in the place of block {place}", where=where)


def _on_the_flash(blocks: list[_Block], flash_bytes: int | None, where: str) -> None:
    areas = sorted((each.address, each.address + each.size) for each in blocks)
    for (_, end), (start, _) in pairwise(areas):
        if start < end:
            raise InvalidError(f"is damaged: two blocks are for 0x{start:08x}", where=where)
    for start, end in areas:
        if start < FLASH:
            raise InvalidError(f"is not for the flash: a block is for 0x{start:08x}, before 0x{FLASH:08x}", where=where)
        if flash_bytes is not None and end > FLASH + flash_bytes:
            raise InvalidError(
                f"does not fit: it ends at 0x{end:08x}, and the flash at 0x{FLASH + flash_bytes:08x}",
                where=where,
            )
